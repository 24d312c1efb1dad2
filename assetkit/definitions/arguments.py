"""The arguments of `@asset`: each checked where it is written, and brought into one form.

Rule: a check gets the argument as given and returns what `AssetDef` keeps; it
raises with the asset, the argument, what was given and what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from assetkit.definitions.asset import Input
from assetkit.definitions.durations import seconds_of
from assetkit.definitions.handles import Asset, MultiAsset, assets_of
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.names import check_key, invalid
from assetkit.definitions.policies import (
    AutoMaterializePolicy,
    BackfillPolicy,
    FreshnessPolicy,
    RetryPolicy,
)
from assetkit.errors import InvalidArgument, did_you_mean


class AssetArguments(TypedDict, total=False):
    """What `@asset` takes; None is the same as leaving an argument out."""

    name: str | None
    group: str | None
    description: str | None
    owners: str | Sequence[str] | None
    tags: Mapping[str, str] | Sequence[str] | None
    metadata: Mapping[str, Any] | None
    ins: Mapping[str, Any] | None
    deps: Any
    partitions: Any
    io_manager: Any
    schema: Any
    on_schema_change: str | None
    checks: Any
    freshness: FreshnessPolicy | None
    automation: AutoMaterializePolicy | None
    backfill: BackfillPolicy | None
    retry: RetryPolicy | int | None
    timeout: Any
    pool: str | None
    code_version: str | None
    rebuildable: bool | None
    requires_approval: bool | None
    executor_options: Mapping[str, Any] | None


def check_arguments(
    given: Mapping[str, Any], *, owner: str, decorator: str = "@asset"
) -> dict[str, Any]:
    """Return the arguments that were given, each in the form that `AssetDef` keeps."""
    checked = {}
    for name, value in given.items():
        check = _CHECKS.get(name)
        if check is None:
            hint = did_you_mean(name, [*_CHECKS, "name"], what="arguments")
            raise InvalidArgument(f"{owner}: {decorator} has no argument {name!r}. {hint}")
        if value is not None:
            checked[name] = check(value, owner, name)
    return checked


def _text(value: Any, owner: str, argument: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(owner, argument, value, "a text that is not empty")
    return value


def _any_text(value: Any, owner: str, argument: str) -> str:
    if not isinstance(value, str):
        raise invalid(owner, argument, value, "a text")
    return value


def _version(value: Any, owner: str, argument: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise invalid(owner, argument, value, f"a text, such as {argument}='2'")
    return value


def _flag(value: Any, owner: str, argument: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(owner, argument, value, "True or False")
    return value


def _owners(value: Any, owner: str, argument: str) -> tuple[str, ...]:
    owners = (value,) if isinstance(value, str) else tuple(_listed(value, owner, argument))
    if not all(isinstance(one, str) and one.strip() for one in owners):
        raise invalid(owner, argument, value, "a list of names or addresses")
    return owners


def _tags(value: Any, owner: str, argument: str) -> dict[str, str]:
    tags = value
    if isinstance(value, list | tuple | set | frozenset):
        tags = dict.fromkeys(value, "")
    if not isinstance(tags, Mapping) or not all(
        isinstance(key, str) and key.strip() and isinstance(tags[key], str) for key in tags
    ):
        raise invalid(owner, argument, value, "['pii', ...] or {'team': 'core', ...}, all texts")
    return dict(tags)


def _mapping(value: Any, owner: str, argument: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise invalid(owner, argument, value, "a dict with text keys")
    return dict(value)


def _ins(value: Any, owner: str, argument: str) -> dict[str, AssetIn]:
    allowed = "{parameter: AssetIn(...)}; a key or an asset may stand for AssetIn(key)"
    if not isinstance(value, Mapping):
        raise invalid(owner, argument, value, allowed)
    found = {}
    for name, said in value.items():
        if not isinstance(name, str) or not isinstance(said, AssetIn | Asset | str):
            raise invalid(owner, f"{argument}[{name!r}]", said, allowed)
        if isinstance(said, str):
            check_key(said, where=f"{owner}: {argument}[{name!r}]")
        found[name] = said if isinstance(said, AssetIn) else AssetIn(said)
    return found


def _deps(value: Any, owner: str, argument: str) -> tuple[Input, ...]:
    listed = [value] if isinstance(value, str | Asset | AssetIn | MultiAsset) else value
    return tuple(
        _dep(one, owner, argument)
        for given in _listed(listed, owner, argument)
        for one in assets_of(given) or (given,)
    )


def _dep(value: Any, owner: str, argument: str) -> Input:
    said = value if isinstance(value, AssetIn) else AssetIn(value) if _names(value) else None
    if said is None or said.key is None:
        allowed = "assets, keys such as 'sales/orders', or AssetIn(key, ...)"
        hint = "; decorate the function with @asset" if callable(value) else ""
        raise invalid(owner, argument, value, allowed + hint)
    if isinstance(value, str):
        check_key(value, where=f"{owner}: {argument}")
    return Input(
        parameter=None,
        upstream=said.key,
        mapping=said.partitions,
        need=said.need,
        grace=said.grace,
    )


def _names(value: Any) -> bool:
    return isinstance(value, str | Asset)


def _partitions(value: Any, owner: str, argument: str) -> Any:
    if isinstance(value, type) or not hasattr(value, "universe"):
        allowed = "a partitions definition, such as DailyPartitions('2026-01-01')"
        if isinstance(value, list | tuple):
            allowed += f" or StaticPartitions({list(value[:3])!r})"
        raise invalid(owner, argument, value, allowed)
    return value


def _io_manager(value: Any, owner: str, argument: str) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    methods = ("write", "read", "delete")
    lacking = [name for name in methods if not callable(getattr(value, name, None))]
    if isinstance(value, str | type) or lacking:
        allowed = "the name of an IO manager, or an object with the methods write, read and delete"
        lack = f"; this lacks {' and '.join(lacking)}" if len(lacking) in (1, 2) else ""
        raise invalid(owner, argument, value, allowed + lack)
    return value


def _schema(value: Any, owner: str, argument: str) -> Any:
    package = type(value).__module__.partition(".")[0]
    is_model = isinstance(value, type) and hasattr(value, "model_fields")
    is_pandera = hasattr(value, "validate") and (package == "pandera" or isinstance(value, type))
    is_arrow = package == "pyarrow" and type(value).__name__ == "Schema"
    if not (is_model or is_pandera or is_arrow):
        raise invalid(
            owner, argument, value, "a pyarrow.Schema, a pydantic model, a pandera schema"
        )
    return value


def _schema_change(value: Any, owner: str, argument: str) -> str:
    if value not in ("evolve", "fail"):
        raise invalid(owner, argument, value, "'evolve' or 'fail'")
    return str(value)


_NO_CHECKS = (str, bytes, int, float, type, Mapping, Asset)


def _checks(value: Any, owner: str, argument: str) -> tuple[Any, ...]:
    listed = value if isinstance(value, list | tuple) else [value]
    for one in listed:
        if isinstance(one, _NO_CHECKS):
            allowed = "functions of the loaded value, or checks of assetkit.checks"
            raise invalid(owner, argument, one, allowed)
    return tuple(listed)


def _instance(kind: type, example: str) -> Callable[[Any, str, str], Any]:
    def check(value: Any, owner: str, argument: str) -> Any:
        if not isinstance(value, kind):
            raise invalid(owner, argument, value, f"{kind.__name__}, such as {example}")
        return value

    return check


def _retry(value: Any, owner: str, argument: str) -> RetryPolicy:
    if isinstance(value, RetryPolicy):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise invalid(
            owner, argument, value, "a number of retries, or RetryPolicy(3, delay='1min')"
        )
    return RetryPolicy(value)


def _timeout(value: Any, owner: str, argument: str) -> float:
    return seconds_of(value, owner=owner, argument=argument)


def _key(value: Any, owner: str, argument: str) -> str:
    return check_key(value, where=f"{owner}: {argument}")


def _listed(value: Any, owner: str, argument: str) -> Iterable[Any]:
    if isinstance(value, list | tuple | set | frozenset):
        return value
    raise invalid(owner, argument, value, "a list")


_CHECKS: dict[str, Callable[[Any, str, str], Any]] = {
    "group": _text,
    "description": _any_text,
    "owners": _owners,
    "tags": _tags,
    "metadata": _mapping,
    "ins": _ins,
    "deps": _deps,
    "partitions": _partitions,
    "io_manager": _io_manager,
    "schema": _schema,
    "on_schema_change": _schema_change,
    "checks": _checks,
    "freshness": _instance(FreshnessPolicy, "FreshnessPolicy('8h')"),
    "automation": _instance(AutoMaterializePolicy, "AutoMaterializePolicy.eager()"),
    "backfill": _instance(BackfillPolicy, "BackfillPolicy.batched(30)"),
    "retry": _retry,
    "timeout": _timeout,
    "pool": _text,
    "code_version": _version,
    "rebuildable": _flag,
    "requires_approval": _flag,
    "executor_options": _mapping,
}
