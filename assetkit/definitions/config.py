"""Configuration as given to a call, checked against the classes that assets ask for.

pydantic is not imported here: where an asset has a `Config`, it is loaded already.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from assetkit.definitions.asset import AssetDef
from assetkit.errors import ConfigError, did_you_mean
from assetkit.records import AssetKey


def check_config(
    assets: Mapping[AssetKey, AssetDef], given: Mapping[str, Any] | None
) -> dict[AssetKey, dict[str, Any]]:
    """Return the configuration of each asset that takes one: all fields, defaults filled in.

    *given* is ``{asset: {field: value}}``; an asset may be named by the last part
    of its key, those of a multi-asset all at once by its function's. An asset whose
    fields all have defaults needs nothing; one that lacks a required field is left
    out, and fails when it is run.

    Raises:
        ConfigError: an unknown asset or field, or a wrong value; says which.
    """
    by_key = _by_key(assets, given or {})
    checked = {}
    for key, asset in assets.items():
        if asset.config is None:
            continue
        values = _checked(asset, asset.config[1], by_key.get(key, {}), asked=key in by_key)
        if values is not None:
            checked[key] = values
    return checked


def kept_config(
    assets: Mapping[AssetKey, AssetDef], config: Mapping[AssetKey, Mapping[str, Any]]
) -> dict[AssetKey, dict[str, Any]]:
    """Return what of a configuration has to be kept to have it again by `check_config`.

    That leaves out the defaults, among them secrets and other values that no file can hold.
    """
    defaults = check_config(assets, None)
    kept = {
        key: {
            name: value
            for name, value in values.items()
            if key not in defaults or defaults[key][name] != value
        }
        for key, values in config.items()
    }
    return {key: values for key, values in kept.items() if values}


def require_config(asset: AssetDef, values: Mapping[str, Any] | None) -> None:
    """Refuse what is to run and lacks configuration that it cannot do without.

    Raises:
        ConfigError: naming the fields.
    """
    if asset.config is not None and values is None:
        _checked(asset, asset.config[1], {}, asked=True)


def _by_key(assets: Mapping[AssetKey, AssetDef], given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f'config={given!r:.60}: give {{"asset": {{"field": value}}}}.')
    found: dict[str, Any] = {}
    for name, values in given.items():
        for key in _meant(name, assets):
            if found.setdefault(key, values) != values:
                raise ConfigError(
                    f"config is given twice for {key!r} ({assets[key].source}), and differs. One "
                    "function makes it and others: give it once, by the function's name."
                )
    return found


def _meant(name: str, assets: Mapping[AssetKey, AssetDef]) -> list[AssetKey]:
    """Return the assets whose configuration is given by a name: those of one function."""
    matching = [key for key, asset in assets.items() if name in (key, asset.name)]
    exact = name if name in assets else matching[0] if len(matching) == 1 else None
    if matching and exact is None:
        raise ConfigError(f"config for {name!r} may mean {' or '.join(matching)}.")
    if exact is None:
        exact = next((key for key, one in assets.items() if _maker(one) == name), None)
    if exact is None:
        takes = [_maker(asset) for asset in assets.values() if asset.config is not None]
        hint = did_you_mean(str(name), takes, what="assets with configuration")
        raise ConfigError(f"config is given for {name!r}, but no asset has that name. {hint}")
    asset = assets[exact]
    if asset.config is None:
        raise ConfigError(
            f"config is given for {exact!r} ({asset.source}), which takes none. "
            "Annotate a parameter with a subclass of Config."
        )
    return [exact] if asset.together is None else list(asset.together.outputs.values())


def _maker(asset: AssetDef) -> str:
    return asset.key if asset.together is None else asset.together.name


def _checked(asset: AssetDef, wanted: Any, values: Any, *, asked: bool) -> dict[str, Any] | None:
    try:
        model = values if isinstance(values, wanted) else wanted.model_validate(values)
    except ValueError as wrong:  # pydantic's ValidationError
        if not asked:
            return None
        raise ConfigError(_explained(asset, wanted, wrong)) from None
    dumped: dict[str, Any] = _settled(model.model_dump())
    return dumped


def _explained(asset: AssetDef, wanted: Any, wrong: Any) -> str:
    told = problems_of(wanted, wrong, within=(asset.name,))
    return "\n".join(
        [f"The configuration of asset {asset.key!r} ({asset.source}) does not do:", *told]
    )


def problems_of(
    wanted: Any, wrong: Any, *, within: tuple[str, ...] = (), hidden: AbstractSet[str] = frozenset()
) -> list[str]:
    """Return a line for each value that a model refused; *wrong* is pydantic's ValidationError.

    The values of *hidden* fields are not shown.
    """
    lines = []
    for error in wrong.errors(include_url=False, include_context=False):
        path = ".".join(map(str, (*within, *error["loc"]))) or "all together"
        hint = ""
        if error["type"] == "extra_forbidden":
            hint = " " + did_you_mean(str(error["loc"][-1]), wanted.model_fields, what="fields")
        # What is given for no field may be a secret under a misspelt name.
        silent = error["type"] in ("missing", "extra_forbidden")
        secret = _is_secret(wanted, error["loc"]) or not hidden.isdisjoint(error["loc"][:1])
        shown = not silent and not secret
        given = f", not {error['input']!r:.60}" if shown else ""
        lines.append(f"  {path}: {error['msg']}{given}.{hint}")
    return lines


def _is_secret(wanted: Any, path: tuple[Any, ...]) -> bool:
    field = wanted.model_fields.get(path[0]) if path else None
    return field is not None and "Secret" in repr(field.annotation)


def _settled(value: Any) -> Any:
    """Bring sets into an order, so that a fingerprint of them is the same in every process."""
    if isinstance(value, dict):
        return {name: _settled(part) for name, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_settled, value), key=repr)
    if isinstance(value, list | tuple):
        return [_settled(part) for part in value]
    return value
