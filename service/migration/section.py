"""A mapping of a YAML file whose entries are taken one by one, so that what nobody took can be told with its line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import yaml


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one place of a file that has no exact form in the other."""

    line: int
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.line}: {self.path}: {self.text}"


@dataclass(slots=True)
class Section:
    """One mapping of the file, by its keys. What it holds stays as it is; `left` tells what was not taken."""

    path: str = ""
    line: int = 1
    _values: dict[str, object] = field(default_factory=dict[str, object])
    _nodes: dict[str, yaml.Node] = field(default_factory=dict[str, yaml.Node])
    _lines: dict[str, int] = field(default_factory=dict[str, int])
    _taken: dict[str, "list[Section] | None"] = field(default_factory=dict[str, "list[Section] | None"])

    @classmethod
    def parse(cls, text: str) -> "Section":
        """The file's outermost mapping. ValueError, with the line, where there is none."""
        try:
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            if node is None:
                return cls()
            if not isinstance(node, yaml.MappingNode):
                raise ValueError("1: expected a mapping, such as model_list: […]")  # noqa: TRY004  # a wrong file
            return cls.of(loader, node, "")
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ValueError(f"{line}: not YAML: {error.problem}") from None

    @classmethod
    def of(cls, loader: yaml.SafeLoader, node: yaml.MappingNode, path: str) -> "Section":
        """A mapping of a file that is being read."""
        # Merges (`<<`) are resolved where they stand.
        loader.flatten_mapping(node)
        section = cls(path, node.start_mark.line + 1)
        for key, value in node.value:
            name = str(key.value)
            section._nodes[name] = value
            section._lines[name] = key.start_mark.line + 1
            section._values[name] = _value(loader, value, section.path_of(name))
        return section

    def path_of(self, key: str) -> str:
        """The path of an entry, as notes write it."""
        return f"{self.path}.{key}" if self.path else key

    def line_of(self, key: str) -> int:
        """The line of an entry; that of the mapping where it has none."""
        return self._lines.get(key, self.line)

    def note(self, key: str, text: str) -> Note:
        """A note about an entry."""
        return Note(self.line_of(key), self.path_of(key), text)

    def __iter__(self) -> Iterator[str]:
        """The keys of all entries, in the order of the file."""
        return iter([*self._values])

    def take(self, key: str) -> object:
        """An entry's value; None where there is none. A mapping in it is a Section of its own."""
        if key in self._values:
            value = self._values[key]
            self._taken[key] = _inner(value) or None
        return self._values.get(key)

    def section(self, key: str) -> "Section":
        """An entry that is a mapping; an empty one where there is none."""
        value = self.take(key)
        return value if isinstance(value, Section) else Section(self.path_of(key), self.line_of(key))

    def sections(self, key: str) -> "list[Section]":
        """The mappings of an entry that is a list."""
        value = self.take(key)
        return [] if isinstance(value, Section) else _inner(value)

    def drop(self, *keys: str) -> None:
        """Takes entries whole whose meaning is told otherwise."""
        for key in keys:
            if key in self._values:
                self._taken[key] = None

    def left(self) -> Iterator[tuple[int, str]]:
        """Line and path of each entry that was not taken, the outermost of each."""
        for key in self._values:
            if key not in self._taken:
                yield self._lines[key], self.path_of(key)
            else:
                for inner in self._taken[key] or ():
                    yield from inner.left()


def _value(loader: yaml.SafeLoader, node: yaml.Node, path: str) -> object:
    if isinstance(node, yaml.MappingNode):
        return Section.of(loader, node, path)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item, f"{path}[{index}]") for index, item in enumerate(node.value)]
    return cast("object", loader.construct_object(node))  # pyright: ignore[reportUnknownMemberType]


def _inner(value: object) -> list[Section]:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Section)]
