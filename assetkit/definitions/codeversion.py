"""The version of an asset's code: its function, and the project code that it reaches by name.

Rule 1: it depends on what the code does: not on comments, layout, docstrings,
annotations, file names or line numbers. Code that is moved unchanged keeps it.
Rule 2: followed are the project's own functions, classes and constants, through
names, attributes of project modules, closures, defaults and imports inside of
functions. Library code is not, nor are other assets: their data is the input.
Rule 3: what cannot be fingerprinted is named in a warning, never left out in silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from assetkit.definitions.asset import AssetDef
from assetkit.definitions.codeparts import Constant, Link, Part, PartReader
from assetkit.definitions.garbage import uncollected
from assetkit.definitions.sources import forget_files
from assetkit.records import AssetKey, SourceLocation

_DEFAULT_TYPE = "DataFrame"
_UNKNOWN = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePart:
    """One function, class or constant that counts.

    ``hash`` is of itself alone, without what it reaches. ``text`` is the source
    of a function or class, empty where there is none; a constant's, which may
    be secret, is never kept.
    """

    hash: str
    source: SourceLocation
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVersion:
    """A code version (hexadecimal digits), and the parts that it is made of, by qualified name."""

    value: str
    parts: Mapping[str, CodePart] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def code_version(asset: AssetDef) -> CodeVersion:
    """Return the version of an asset's code as it is in memory now."""
    return _versions([asset])[asset.key]


def code_versions(assets: Iterable[AssetDef]) -> dict[AssetKey, CodeVersion]:
    """Return the code versions of many assets; what they share is read once.

    A warning comes with the first asset that it concerns.
    """
    with uncollected():
        try:
            return _versions(assets)
        finally:
            forget_files()


def _versions(assets: Iterable[AssetDef]) -> dict[AssetKey, CodeVersion]:
    readers: dict[str, PartReader] = {}
    warned: set[str] = set()
    versions = {}
    for asset in assets:
        if asset.code_version is not None:
            versions[asset.key] = _declared(asset, asset.code_version)
            continue
        home = (asset.function.__module__ or "__main__").partition(".")[0]
        if home not in readers:
            readers[home] = PartReader(home)
        versions[asset.key] = _Walk(readers[home], warned).version_of(asset)
    return versions


def _declared(asset: AssetDef, version: str) -> CodeVersion:
    digest = _digest(f"declared:{version}")
    name, text = ("code_version", version) if asset.query is None else ("query", asset.query)
    part = CodePart(hash=digest, source=asset.source, text=text)
    return CodeVersion(value=digest, parts={name: part})


class _Walk:
    """From an asset's function to all that it reaches, breadth first."""

    def __init__(self, reader: PartReader, warned: set[str]) -> None:
        self.reader, self.warned = reader, warned
        self.parts: dict[str, CodePart] = {}
        self.warnings: list[str] = []
        # Parts are numbered as they are reached: names of files and modules do not count.
        self.numbers: dict[int, int] = {}
        self.reached: list[tuple[Part, tuple[Link, ...]]] = []

    def version_of(self, asset: AssetDef) -> CodeVersion:
        declared = dict(asset.resources) | dict([asset.config] if asset.config else [])
        classes = tuple(
            Link(f"parameter:{name}", kind)
            for name, kind in sorted(declared.items())
            if self.reader.is_part(kind)
        )
        self._number(asset.function, classes)
        for _, links in self.reached:  # grows while it is read
            for link in links:
                if link.constant is None and id(link.target) not in self.numbers:
                    self._number(link.target)
        changed = frozenset[object]().union(*(part.changes for part, _ in self.reached))
        records = [self._record(part, links, changed) for part, links in self.reached]
        return CodeVersion(
            value=_digest("\n\n".join((_loaded_types(asset), *records))),
            parts=self.parts,
            warnings=tuple(self.warnings),
        )

    def _number(self, target: object, more: tuple[Link, ...] = ()) -> None:
        self.numbers[id(target)] = len(self.numbers)
        part = self.reader.read(target)
        self.reached.append((part, (*part.links, *more)))

    def _record(self, part: Part, links: tuple[Link, ...], changed: frozenset[object]) -> str:
        """Return what counts of one part as text, and note it among the parts."""
        name, number = part.name, 2
        while name in self.parts:  # lambdas, functions made by one factory
            name, number = f"{part.name} ({number})", number + 1
        self.parts[name] = CodePart(hash=part.hash, source=part.source, text=part.text)
        for warning in part.warnings:
            self._warn(part.name, warning)
        lines = [part.hash]
        for link in links:
            if link.constant is None:
                lines.append(f"{link.label}#{self.numbers[id(link.target)]}")
            else:
                lines.append(f"{link.label}={self._constant(link.constant, part, changed)}")
        return "\n".join(lines)

    def _constant(self, constant: Constant, user: Part, changed: frozenset[object]) -> str:
        text = constant.text
        if constant.identity in changed:
            text = f"set to {constant.initial}"
        if text is None:
            self._warn(
                constant.name,
                f"{constant.name}, which {user.name} uses, is no plain data ({constant.kind}): "
                "changes of it go unnoticed. Make it a Resource, or give the asset a code_version.",
            )
            return _UNKNOWN
        digest = _digest(text)
        self.parts.setdefault(constant.name, CodePart(hash=digest, source=constant.source))
        return digest

    def _warn(self, concerned: str, warning: str) -> None:
        if concerned not in self.warned:
            self.warned.add(concerned)
            self.warnings.append(warning)


def _loaded_types(asset: AssetDef) -> str:
    """Return the types that inputs are loaded as, the default left out."""
    types = {
        one.parameter: getattr(one.load_as, "__qualname__", None) or repr(one.load_as)
        for one in asset.inputs
        if one.load_as is not None and one.parameter is not None
    }
    return ",".join(
        f"{name}:{kind}" for name, kind in sorted(types.items()) if kind != _DEFAULT_TYPE
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
