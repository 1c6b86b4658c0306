"""JSON → messages: one function per message, made from its plan once, as source that is then compiled.

What a request costs is above all the memory that is touched for it, and straight-line code touches the least: closures
in a table by member name took 1.4 times as long, and up to 1.6 times where the caches were cold.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from service.codec.error import DecodeError, mismatch
from service.codec.plan import FieldPlan, Kind, MessagePlan, descriptor_of, plan_of
from service.codec.scalar import Read, Scalar, reader
from service.codec.text import JsonObject, JsonValue, free_text

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

M = TypeVar("M", bound=Message)

# Reads the members of an object into a message.
_Fill: TypeAlias = Callable[[JsonObject, Message], None]
# Reads one member, which is not null, into its field.
_Set: TypeAlias = Callable[[Message, JsonValue], None]

# Elements of one list of messages: far beyond any conversation, and what keeps a large body from holding up the event
# loop for seconds.
_MAX_ELEMENTS: Final = 100_000
# A longer name is no misspelling, and comparing takes time with the square of its length.
_LONGEST_MISSPELT: Final = 64
# What is assigned as it is: protobuf checks its range and its text, and the field's reader says what is wrong with it.
_CLASSES: Final[dict[Kind, str]] = {
    Kind.STRING: "str",
    Kind.BOOLEAN: "bool",
    Kind.INTEGER: "int",
    Kind.NUMBER: "float",
}
# The source of a function that fills a message.
_FUNCTION: Final = """
def fill(members, message):
    unknown = name = value = None
    try:
        for name, value in members.items():
            if value is None and name in known_names:
                continue
{members}
            else:
                {otherwise}
    except DecodeError as error:
        raise error.under(name) from None
    except (TypeError, ValueError) as error:
        raise _refused(error, name, value, reasons) from None
    {end}
"""


def decoder(message_class: type[M]) -> Callable[[JsonObject], M]:
    """Compiles the function that reads a message of this class from its JSON object.

    The function raises DecodeError for what the message has no place for. Null is as good as absent. Whether all that
    is required is there, and values are within their documented ranges, is not its business. Compiled once per class.
    """
    return cast("Callable[[JsonObject], M]", _decoder(message_class))


@functools.cache
def _decoder(message_class: type[Message]) -> Callable[[JsonObject], Message]:
    fill = _message(descriptor_of(message_class))

    def decode(members: JsonObject) -> Message:
        message = message_class()
        fill(members, message)
        return message

    return decode


@functools.cache
def _message(descriptor: Descriptor) -> _Fill:
    """The function that fills a message of a type; no message of the contract holds its own type."""
    plan = plan_of(descriptor)
    if plan.tag:
        return _tagged(plan, plan.tag, _members(plan, ignored=plan.tag))
    if plan.also_in:
        return _also_in(plan.also_in, _members(plan), _members(plan, ignored=plan.also_in))
    return _members(plan)


def _members(plan: MessagePlan, ignored: str | None = None) -> _Fill:
    """Fills a message member by member, but for one that is read before the others."""
    source = _Source(plan)
    for field in plan.fields:
        source.field(field)
    if ignored:
        source.member(ignored, "pass")
    return source.compiled()


class _Source:
    """The source of the function that fills a message, and what the source names. Made for one function."""

    def __init__(self, plan: MessagePlan) -> None:
        self._unknown_members = plan.unknown_members.name if plan.unknown_members else None
        self._members: list[str] = []
        self._known: list[str] = []
        # What says why protobuf refuses the value of a member.
        self._reasons: dict[str, Callable[[JsonValue], object]] = {}
        self._names: dict[str, Any] = {
            # Through the class: to look a method up on a message takes longer than to call it.
            "has": GetMessageClass(plan.descriptor).HasField,
            "known": self._known,
            "reasons": self._reasons,
            **{part.__name__: part for part in (DecodeError, _free_members, _misspelt, _refused, _too_many)},
        }

    def compiled(self) -> _Fill:
        """The function."""
        name = self._unknown_members
        self._names["known_names"] = frozenset(self._known)
        source = _FUNCTION.format(
            members="\n".join(f"            {line}" for line in self._members),
            otherwise="unknown = unknown or {}; unknown[name] = value" if name else "raise _misspelt(name, known)",
            end=f"if unknown: message.{name} = _free_members(unknown)" if name else "",
        )
        exec(source, self._names)  # noqa: S102  # made of the contract's own names
        return cast("_Fill", self._names["fill"])

    def member(self, name: str, *lines: str) -> None:
        """Adds what becomes of a member that is not null."""
        self._members += [f"elif name == {name!r}:", *(f"    {line}" for line in lines)]
        self._known.append(name)

    def field(self, field: FieldPlan) -> None:
        """Adds what becomes of a field's member, and of its aliases."""
        name = field.name
        if field.map_value:
            self._names[f"set_{name}"] = _map(field, field.map_value)
            self.member(name, f"set_{name}(message, value)")
        elif field.kind is Kind.MESSAGE:
            self._message(field)
        elif field.repeated:
            self._names[f"set_{name}"] = _scalars(field)
            self.member(name, f"set_{name}(message, value)")
        else:
            self._names[f"read_{name}"] = self._reasons[name] = reader(field)
            read = f"read_{name}(value)"
            exact = _CLASSES.get(field.kind)
            self.member(
                name, f"message.{name} = " + (f"value if value.__class__ is {exact} else {read}" if exact else read)
            )
            for alias in field.aliases:
                # Unless the field was read by its own name.
                self.member(alias, f"value = {read}", f"if not has(message, {name!r}): message.{name} = value")

    def _message(self, field: FieldPlan) -> None:
        name, scalar = field.name, plan_of(field.message).scalar
        self._names[f"fill_{name}"] = _message(field.message)
        self._names[f"other_{name}"] = _otherwise(scalar, "a string or an object" if scalar else "an object")
        if not field.repeated:
            self._names[f"set_in_parent_{name}"] = GetMessageClass(field.message).SetInParent
            self.member(
                name,
                f"nested = message.{name}",
                f"set_in_parent_{name}(nested)  # {{}} is a message too",
                f"if value.__class__ is dict: fill_{name}(value, nested)",
                f"else: other_{name}(nested, value)",
            )
            return
        if field.one_or_many:
            self._names[f"only_{name}"] = _otherwise(
                scalar, "a string, an object or a list" if scalar else "an object or a list"
            )
            only = (
                f"elif value.__class__ is dict: fill_{name}(value, message.{name}.add())",
                f"else: only_{name}(message.{name}.add(), value)",
            )
        else:
            self._names[f"only_{name}"] = functools.partial(mismatch, "a list")
            only = (f"else: raise only_{name}(value)",)
        if field.one_or_many and scalar:
            self._reasons[name] = reader(scalar)
            only = (f"elif value.__class__ is str: message.{name}.add().{scalar.name} = value", *only)
        self.member(
            name,
            "if value.__class__ is list:",
            f"    if len(value) > {_MAX_ELEMENTS}: raise _too_many(value)",
            f"    elements = message.{name}",
            "    for index, item in enumerate(value):",
            "        try:",
            f"            if item.__class__ is dict: fill_{name}(item, elements.add())",
            f"            else: other_{name}(elements.add(), item)",
            "        except DecodeError as error:",
            "            raise error.under(index) from None",
            *only,
        )


def _refused(
    error: Exception, name: str, value: JsonValue, reasons: dict[str, Callable[[JsonValue], object]]
) -> Exception:
    """Why protobuf did not take a value of a member; the error itself where nobody knows."""
    try:
        reasons[name](value)
    except DecodeError as reason:
        return reason.under(name)
    except KeyError:
        pass
    return error


def _too_many(elements: list[JsonValue]) -> DecodeError:
    return DecodeError("", f"expected at most {_MAX_ELEMENTS} elements, got {len(elements)}")


def _misspelt(name: str, known: list[str]) -> DecodeError:
    close = difflib.get_close_matches(name, known, n=1) if len(name) <= _LONGEST_MISSPELT else []
    return DecodeError("", f'unknown member; did you mean "{close[0]}"?' if close else "unknown member")


def _free_members(members: JsonObject) -> bytes:
    try:
        return free_text(members)
    except DecodeError:
        for name, value in members.items():
            try:
                free_text(value)
            except DecodeError as error:
                raise error.under(name) from None
        raise


def _tagged(plan: MessagePlan, tag: str, fill_members: _Fill) -> _Fill:
    """Fills a message whose union has a tag, which names the member that is set, given what fills its members."""
    cases, variant = plan.cases, plan.unknown_variant
    union = frozenset(cases)
    choices = " or ".join(f'"{case}"' for case in cases)

    def fill(members: JsonObject, message: Message) -> None:
        case = members.get(tag)
        if isinstance(case, str) and case in union and len(union.intersection(members)) == 1 and members.get(case):
            fill_members(members, message)
            return
        present = [name for name in cases if members.get(name) is not None]
        if case is None:
            if len(present) != 1:
                raise DecodeError(tag, f"required: {choices}")
        elif not isinstance(case, str):
            raise mismatch("a string", case).under(tag)
        elif case not in cases:
            if variant is None:
                raise DecodeError(tag, f"expected {choices}")
            setattr(message, variant.name, _free_members(members))
            return
        elif case not in present:
            raise DecodeError(case, f'required, as {tag} is "{case}"')
        elif len(present) > 1:
            other = next(name for name in present if name != case)
            raise DecodeError(other, f'not allowed, as {tag} is "{case}"')
        fill_members(members, message)

    return fill


def _also_in(wrapper: str, fill_inner: _Fill, fill_outer: _Fill) -> _Fill:
    """Fills a message whose members may also stand in the object `wrapper`, after which its own members win."""

    def fill(members: JsonObject, message: Message) -> None:
        inner = members.get(wrapper)
        if isinstance(inner, dict):
            try:
                fill_inner(inner, message)
            except DecodeError as error:
                raise error.under(wrapper) from None
        elif inner is not None:
            raise mismatch("an object", inner).under(wrapper)
        fill_outer(members, message)

    return fill


def _otherwise(scalar: FieldPlan | None, expected: str) -> _Set:
    """Reads what is no object into a message: the bare string that is the short form of some."""
    name, read = (scalar.name, reader(scalar)) if scalar else ("", None)

    def set_otherwise(message: Message, value: JsonValue) -> None:
        if read is None or not isinstance(value, str):
            raise mismatch(expected, value)
        try:
            setattr(message, name, value)
        except ValueError:
            setattr(message, name, read(value))  # raises the error that says why

    return set_otherwise


def _scalars(field: FieldPlan) -> _Set:
    name, read = field.name, reader(field)
    single = field.one_or_many and field.kind is Kind.STRING

    def set_scalars(message: Message, value: JsonValue) -> None:
        extend = getattr(message, name).extend
        if isinstance(value, list):
            extend(_each(enumerate(value), read))
        elif single and isinstance(value, str):
            extend([read(value)])
        else:
            raise mismatch("a string or a list" if single else "a list", value)

    return set_scalars


def _map(field: FieldPlan, values: FieldPlan) -> _Set:
    name, read = field.name, reader(values)

    def set_map(message: Message, value: JsonValue) -> None:
        if not isinstance(value, dict):
            raise mismatch("an object", value)
        getattr(message, name).update(zip(value, _each(value.items(), read), strict=True))

    return set_map


def _each(items: Iterable[tuple[str | int, JsonValue]], read: Read) -> list[Scalar]:
    """Reads every value of a list or an object, each under its index or name."""
    scalars: list[Scalar] = []
    for step, value in items:
        try:
            scalars.append(read(value))
        except DecodeError as error:
            raise error.under(step) from None
    return scalars
