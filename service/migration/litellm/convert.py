"""From the text of a LiteLLM configuration to the text of parley.yaml, with a note for each thing that changed."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass

import yaml

from service.backends.vendors import VENDORS
from service.migration.litellm.advice import advice
from service.migration.litellm.deployment import Deployment, deployment_of
from service.migration.litellm.settings import Settings, settings_of
from service.migration.litellm.values import duration, slug
from service.migration.litellm.vendor import Entry, Vendors
from service.migration.section import Note, Section


@dataclass(frozen=True, slots=True)
class Converted:
    """What a file became."""

    text: str
    """parley.yaml."""
    notes: tuple[Note, ...]
    """In the order of the file's lines."""


def convert(text: str) -> Converted:
    """What a file becomes. ValueError, with the line, where it is not YAML or no mapping.

    Environment variables that it names are read for addresses, regions and the hash of its master key; secrets stay
    where they are, and of one that stands in the file only the name of a variable for it is written.
    """
    root = Section.parse(text)
    notes: list[Note] = []
    vendors = Vendors()
    credentials = {str(each.take("credential_name")): each for each in root.sections("credential_list")}
    values = {name: each.section("credential_values") for name, each in credentials.items()}
    for each in credentials.values():
        each.drop("credential_info")
    found = [deployment_of(item, values, vendors, notes.append) for item in root.sections("model_list")]
    settings = settings_of(root, notes.append)
    groups: dict[str, list[Deployment]] = {}
    for each in found:
        if each is not None:
            groups.setdefault(each.group, []).append(each)
    models = _Models(groups, settings, vendors, notes.append).entries()
    notes += [Note(line, path, advice(path)) for line, path in root.left()]
    top = dict(settings.top)
    data: Entry = {key: top[key] for key in ("listen", "keys", "unsupported", "timeouts") if key in top}
    if vendors.entries:
        data["vendors"] = vendors.entries
    data["models"] = models.pop("", {}) or {}
    if settings.aliases:
        data["aliases"] = settings.aliases
    data |= {key: top[key] for key in ("metrics", "tracing") if key in top}
    ordered = tuple(sorted(set(notes), key=lambda note: (note.line, note.path, note.text)))
    head = "".join(f"# {line}\n" for line in ("Made of a configuration of LiteLLM, by line of it:", *map(str, ordered)))
    return Converted(head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110), ordered)


@dataclass(frozen=True, slots=True)
class _Models:
    groups: dict[str, list[Deployment]]
    settings: Settings
    vendors: Vendors
    tell: Callable[[Note], None]

    def entries(self) -> dict[str, Entry]:
        entries: Entry = {}
        for group, deployments in self.groups.items():
            if group.endswith("*"):
                entries |= self._wildcard(group, deployments)
            else:
                entries[self._name(group, deployments)] = self._model(group, deployments)
        self._aliases(entries)
        return {"": entries}

    def _name(self, group: str, deployments: list[Deployment]) -> str:
        """What the model is called here: a name with a slash is that of its vendor's model."""
        vendor, slash, _ = group.partition("/")
        if not slash and not re.search(r"\s", group):
            return group
        if slash and all(each.vendor == vendor for each in deployments):
            return group
        return slug(group)

    def _model(self, group: str, deployments: list[Deployment]) -> Entry:
        named = "/" in self._name(group, deployments)
        entry: Entry = {"deployments": {}}
        inner: Entry = {}
        for each, name in zip(deployments, _names(deployments), strict=True):
            inner[name] = (
                {"model": each.model, **each.entry} if named else {"use": f"{each.vendor}/{each.model}", **each.entry}
            )
        entry["deployments"] = inner
        if len(deployments) > 1 and self.settings.balance not in {"", "weighted"}:
            entry["balance"] = self.settings.balance
        if fallback := self._fallback(group):
            entry["fallback"] = fallback
        retries = next((each.retries for each in deployments if each.retries is not None), self.settings.retries)
        if retries is not None:
            entry["retries"] = {"attempts": min(retries, 10)}
        cooldown = dict(self.settings.cooldown)
        rest = next((each.rest for each in deployments if each.rest), None)
        if rest is not None:
            cooldown["rest"] = duration(rest)
        if cooldown and len(deployments) > 1:
            entry["cooldown"] = cooldown
        return entry

    def _fallback(self, group: str) -> Entry:
        lists: Entry = {}
        for kind in ("any", "context_length", "content_filter"):
            own, every = (self.settings.fallbacks.get(name, {}).get(kind, []) for name in (group, "*"))
            names = [self._reference(name) for name in dict.fromkeys([*own, *every]) if name != group]
            if found := [name for name in names if name]:
                lists[kind] = found
        return lists

    def _reference(self, name: str) -> str:
        """A model that a fallback or an alias names: a group, or a deployment by its id."""
        if name in self.groups:
            return self._name(name, self.groups[name])
        if name in self.settings.aliases:
            return name
        for group, deployments in self.groups.items():
            for each in deployments:
                if each.name == slug(name):
                    return f"{self._name(group, deployments)}/{each.name}"
        if any(group.endswith("*") and name.startswith(group[:-1]) and "/" in name for group in self.groups):
            return name
        place = self.settings.places[name]
        self.tell(dataclasses.replace(place, text=f"{name!r} is left out: there is no such model in the list"))
        return ""

    def _wildcard(self, group: str, deployments: list[Deployment]) -> Entry:
        entries: Entry = {}
        for each in deployments:
            if not each.vendor:
                entries |= self._everything(each)
                continue
            name = f"{each.vendor}/{each.model if each.model.endswith('*') else '*'}"
            if each.vendor and each.model == "*" and group not in {"*", name}:
                self.tell(
                    Note(
                        each.line, "model_name", f"{group!r} became {name!r}: a name with a star begins with its vendor"
                    )
                )
            entries[name] = {"deployments": {_names([each])[0]: each.entry}} if each.entry else {}
        return entries

    def _everything(self, each: Deployment) -> Entry:
        """What LiteLLM's star is here: a wildcard for each vendor that the rest of the file speaks of."""
        others = [other.vendor for group in self.groups.values() for other in group if _is_anywhere(other.vendor)]
        names = [f"{vendor}/*" for vendor in dict.fromkeys(others)]
        listed = f"became {', '.join(names)}" if names else "left out"
        text = f"'*' {listed}: a star stands for the models of one vendor, such as openai/*"
        self.tell(Note(each.line, "model_name", text))
        return {name: {} for name in names if name not in self.groups}

    def _aliases(self, entries: Entry) -> None:
        for alias, name in [*self.settings.aliases.items()]:
            target = self._reference(name)
            if target and alias not in entries:
                self.settings.aliases[alias] = target
            else:
                del self.settings.aliases[alias]
        for group, deployments in self.groups.items():
            name = group if group.endswith("*") else self._name(group, deployments)
            if name != group:
                self.tell(
                    Note(
                        deployments[0].line,
                        "model_name",
                        f"{group!r} became {name!r}: a name with a slash begins with its vendor",
                    )
                )


def _is_anywhere(vendor: str) -> bool:
    """Whether a vendor has one address for everybody."""
    known = VENDORS.get(vendor)
    return known is not None and known.base_url is not None and "{" not in known.base_url


def _names(deployments: list[Deployment]) -> list[str]:
    """Names for a model's deployments: their ids, or their vendors', numbered where they are the same."""
    names: list[str] = []
    for each in deployments:
        name = wanted = each.name or each.vendor
        count = 1
        while name in names:
            count += 1
            name = f"{wanted}-{count}"
        names.append(name)
    return names
