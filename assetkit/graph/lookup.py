"""Which asset a parameter means: among those passed, then where the function was defined.

Rule 1: the assets passed to the call (or in the `Definitions`) come first, then what the
enclosing function knew, then the module or notebook.
Rule 2: in each of these, a full key comes first, then the last part of a key, then
the name of a variable.
Rule 3: an asset means itself only where it says so, or where nothing else has its name.
Rule 4: nothing is looked up before a graph is built, so definitions may come in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from assetkit.definitions.asset import Input
from assetkit.definitions.handles import Asset, assets_among
from assetkit.errors import DuplicateAsset, UnknownUpstream, did_you_mean
from assetkit.records import AssetKey

AnyAsset: TypeAlias = Asset[..., Any]


@dataclass(frozen=True, slots=True)
class Names:
    """Assets that can be seen from one place: by key, by last part, by variable.

    ``repeated`` holds, by key, a second asset where a module (no notebook) has two.
    """

    keys: dict[AssetKey, AnyAsset] = field(default_factory=dict)
    last_parts: dict[str, list[AssetKey]] = field(default_factory=dict)
    variables: dict[str, AnyAsset] = field(default_factory=dict)
    repeated: dict[AssetKey, AnyAsset] = field(default_factory=dict)

    def add(self, asset: AnyAsset, variable: str | None = None) -> None:
        """Make *asset* known; the same one may come more than once."""
        if variable is not None:
            self.variables[variable] = asset
        other = self.keys.get(asset.key)
        if other is asset:
            return
        if other is None:
            self.keys[asset.key] = asset
            self.last_parts.setdefault(asset.name, []).append(asset.key)
        elif is_notebooks(asset) or is_notebooks(other):
            # A notebook's counts before a project's, and the newest of its own.
            self.keys[asset.key] = max(asset, other, key=_precedence)
        else:
            self.repeated[asset.key] = asset


def is_notebooks(asset: AnyAsset) -> bool:
    """Return whether an asset is defined in a notebook or the script that runs."""
    return asset.__module__ == "__main__"


def _precedence(asset: AnyAsset) -> tuple[bool, int]:
    return is_notebooks(asset), asset.number


class Lookup:
    """Finds upstream assets by name."""

    def __init__(self, passed: Iterable[AnyAsset]) -> None:
        self._passed = Names()
        for asset in passed:
            self._passed.add(asset)
        self._by_module: dict[int, Names] = {}

    def find(self, asset: AnyAsset, declared: Input) -> AnyAsset | None:
        """Return the upstream asset of one input.

        None where the parameter keeps its default. Raises `UnknownUpstream` with the
        nearest names, `DuplicateAsset` where the name could mean several.
        """
        wanted = declared.upstream
        if isinstance(wanted, Asset):
            return wanted
        places = self._places(asset)
        for names in places:
            if found := self._find_in(names, wanted, asset, declared):
                if found.key in names.repeated:
                    raise DuplicateAsset(two_of_one_name(found, names.repeated[found.key]))
                return found
        for one in (asset, *asset.siblings):
            if wanted in (one.key, one.name):
                return one
        if declared.optional_name:
            return None
        raise UnknownUpstream(_unknown(asset, declared, places))

    def _places(self, asset: AnyAsset) -> tuple[Names, ...]:
        module_globals = asset.__wrapped__.__globals__
        module = self._by_module.get(id(module_globals))
        if module is None:
            module = self._by_module[id(module_globals)] = _names_of(module_globals)
        if not asset.scope:
            return self._passed, module
        return self._passed, _names_of(asset.scope), module

    def _find_in(
        self, names: Names, wanted: str, asset: AnyAsset, declared: Input
    ) -> AnyAsset | None:
        own = {asset.key, *(one.key for one in asset.siblings)}
        exact = names.keys.get(wanted)
        if exact is not None and exact.key not in own:
            return exact
        if "/" in wanted:
            return None
        others = [names.keys[key] for key in names.last_parts.get(wanted, ()) if key not in own]
        if len(others) == 1:
            return others[0]
        named = names.variables.get(wanted)
        if named is not None and named.key not in own:
            return named
        if others:
            raise DuplicateAsset(_ambiguous(asset, declared, others))
        return None


def _names_of(variables: Mapping[str, Any]) -> Names:
    names = Names()
    for variable, value in list(variables.items()):
        if isinstance(value, Asset):
            names.add(value, variable)
    for asset in assets_among(variables.values()):
        names.add(asset)
    return names


def two_of_one_name(one: AnyAsset, other: AnyAsset) -> str:
    """Return what is wrong with two assets of one key."""
    return (
        f"Two assets have the name {one.key!r}: at {one.source} and at {other.source}. "
        "Rename one: @asset(name=...)."
    )


def asker(asset: AnyAsset, declared: Input) -> str:
    """Return how an error names who needs an upstream: asset, place, parameter."""
    place = f"Asset {asset.key!r} ({asset.source})"
    if declared.parameter is None:
        return f"{place} has {declared.upstream!r} in deps"
    if declared.parameter == declared.upstream:
        return f"{place} takes {declared.parameter!r}"
    return f"{place} takes {declared.parameter!r} from {declared.upstream!r}"


def _unknown(asset: AnyAsset, declared: Input, places: Iterable[Names]) -> str:
    wanted = str(declared.upstream)
    keys = {key for names in places for key in names.keys} - {asset.key}
    by_name = {key.rpartition("/")[2]: key for key in sorted(keys, reverse=True)}
    nearest = did_you_mean(wanted, {*by_name, *keys} if keys else (), what="assets")
    undecorated = asset.__wrapped__.__globals__.get(wanted)
    if callable(undecorated) and not isinstance(undecorated, type):
        nearest = f"There is a function {wanted!r} there: decorate it with @asset."
    return (
        f"{asker(asset, declared)}, but no asset has that name. {nearest} "
        f"Upstreams are looked up among the assets passed to the call (or in the Definitions), "
        f"then in {_place_name(asset)}. Import the asset there, or pass it along."
    )


def _place_name(asset: AnyAsset) -> str:
    module = asset.__module__
    return "this notebook or script" if module == "__main__" else f"the module {module}"


def _ambiguous(asset: AnyAsset, declared: Input, found: Iterable[AnyAsset]) -> str:
    listed = " and ".join(f"{one.key!r} ({one.source})" for one in found)
    first = min(one.key for one in found)
    return (
        f"{asker(asset, declared)}, which may mean {listed}. Say which: "
        f'ins={{"{declared.parameter or declared.upstream}": AssetIn("{first}")}}.'
    )
