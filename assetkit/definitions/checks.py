"""`@asset_check`: a function that looks at an asset's data and says whether it is right.

Rule 1: a check is no part of an asset's fingerprint: to change it makes no data stale.
Rule 2: it gets the data as its parameter is annotated, as an asset's input does.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from types import FunctionType
from typing import Any

from assetkit.definitions.asset import AssetDef, find_global, is_importable
from assetkit.definitions.handles import Asset
from assetkit.definitions.names import invalid, shown, source_of
from assetkit.definitions.signature import annotation_names, read_parameters
from assetkit.errors import DefinitionError, InvalidArgument, UnknownAsset, did_you_mean
from assetkit.records import AssetKey, SourceLocation

_CONTEXT_CLASS = "AssetContext"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssetCheck:
    """A check of one asset's data; calling it calls the function.

    ``asset`` is the asset or its key, None where the check stands in an asset's
    own ``checks``. ``parameter`` gets the data, ``context`` the `AssetContext`
    (None: no such parameter). ``scope`` is what the enclosing function knew.
    """

    name: str
    function: Callable[..., Any]
    source: SourceLocation
    asset: Any = None
    blocking: bool = False
    severity: str = "error"
    description: str = ""
    parameter: str | None = None
    context: str | None = None
    scope: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def asset_name(self) -> str | None:
        """The key, or last part of a key, of the asset that is checked."""
        name: str | None = getattr(self.asset, "key", self.asset)
        return name

    @property
    def load_as(self) -> Any:
        """The type that the function gets the data as; None: the default.

        Raises `DefinitionError` where the annotation cannot be read.
        """
        raw = getattr(self.function, "__annotations__", {}).get(self.parameter)
        if not isinstance(raw, str):
            return raw
        outer = inspect.getclosurevars(self.function).nonlocals
        try:
            # What annotations are: expressions of the module that they stand in.
            return eval(raw, self.function.__globals__, {**outer, **self.scope})  # noqa: S307
        except Exception as error:
            raise DefinitionError(
                f"Check {self.name!r} ({self.source}): the annotation {raw!r} of parameter "
                f"{self.parameter!r} cannot be read ({type(error).__name__}: {error}), but it says "
                "what to load. Import it where the module runs, or leave the annotation out."
            ) from error

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle by reference where a worker can import the check, else by value."""
        module, qualname = self.function.__module__, self.function.__qualname__
        if is_importable(module, qualname, lambda found: found is self):
            return _check_at, (module, qualname)
        return object.__reduce_ex__(self, protocol)


def asset_check(
    function: Any = None,
    /,
    *,
    asset: Any = None,
    name: str | None = None,
    description: str | None = None,
    blocking: bool = False,
    severity: str = "error",
) -> Any:
    """Declare a function of an asset's data to be a check of it.

    It returns True, False or a `CheckResult`. Its first parameter gets the data
    as it is annotated (default: pandas); one named ``context`` the context.

    Args:
        function: what looks at the data.
        asset: the asset or its key; may be left out where the check is given
            in the asset's own ``checks=[...]``.
        name: default: the function's.
        description: default: the docstring.
        blocking: where the check fails, the data is not published.
        severity: ``"error"``, or ``"warn"`` where a failure is only worth a look.

    Raises:
        InvalidArgument: an argument or the function's parameters do not do.

    >>> @asset_check(asset="flights", blocking=True)
    ... def has_rows(flights):
    ...     return len(flights) > 0
    >>> has_rows.name, has_rows([1, 2])
    ('has_rows', True)
    """
    scope = _scope_of(function) if function is not None else None

    def declare(function: Any) -> AssetCheck:
        check: AssetCheck = as_check(function, owner="@asset_check")
        if check is function:
            raise InvalidArgument(f"{function!r} is a check already. Decorate it once.")
        owner = f"Check {name or check.name!r} ({check.source})"
        if asset is not None and not isinstance(asset, str | Asset):
            raise invalid(owner, "asset", asset, "an asset or the key of one")
        if severity not in ("error", "warn"):
            raise invalid(owner, "severity", severity, "'error' or 'warn'")
        if not isinstance(blocking, bool):
            raise invalid(owner, "blocking", blocking, "True or False")
        return replace(
            check,
            asset=asset,
            name=name or check.name,
            description=check.description if description is None else description,
            blocking=blocking,
            severity=severity,
            scope=_scope_of(function) if scope is None else scope,
        )

    return declare if function is None else declare(function)


def as_check(given: Any, *, owner: str) -> Any:
    """Return a plain function as a check; ready checks and `AssetCheck` as they are.

    Raises `InvalidArgument` for what is none of these; *owner* begins the message.
    """
    if isinstance(given, AssetCheck) or _is_ready(given):
        return given
    if not isinstance(given, FunctionType):
        raise InvalidArgument(
            f"{owner}: {shown(given)} is no check. Give a function of the loaded value, written "
            "with def or lambda, or a check of assetkit.checks, such as not_null('id')."
        )
    source = source_of(given)
    is_lambda = given.__name__ == "<lambda>"
    name = f"lambda_{source.line}" if is_lambda else given.__name__
    where = f"Check {name!r} ({source})"
    names = read_parameters(given, owner=where)
    context = next((one for one in names.names if _is_context(given, one)), None)
    rest = [one for one in names.names if one != context]
    needed = [one for one in rest if one not in names.defaulted]
    if len(needed) > 1 or not names.names:
        found = ", ".join(map(repr, needed)) or "nothing"
        raise InvalidArgument(
            f"{where} takes {found}, but a check takes the data of one asset, and the context "
            "where it needs it: def check(data, context)."
        )
    return AssetCheck(
        name=name,
        function=given,
        source=source,
        description=inspect.cleandoc(given.__doc__) if given.__doc__ else "",
        parameter=needed[0] if needed else next(iter(rest), None),
        context=context,
    )


def attach_checks(
    assets: Mapping[AssetKey, AssetDef], checks: Iterable[AssetCheck]
) -> dict[AssetKey, AssetDef]:
    """Return the definitions, with each check added to those of its asset; once each.

    Raises:
        UnknownAsset: a check is of no asset, or of one that is not among these.
        InvalidArgument: it could be of several.
    """
    attached = dict(assets)
    for check in checks:
        key = _checked_asset(check, assets)
        found = attached[key]
        if check not in found.checks:
            attached[key] = replace(found, checks=(*found.checks, check))
    return attached


def checks_among(values: Iterable[Any]) -> tuple[AssetCheck, ...]:
    """Return the checks among a module's values that say which asset they are of."""
    found = {id(one): one for one in values if isinstance(one, AssetCheck)}
    return tuple(one for one in found.values() if one.asset is not None)


def _checked_asset(check: AssetCheck, assets: Mapping[AssetKey, AssetDef]) -> AssetKey:
    name = check.asset_name
    where = f"Check {check.name!r} ({check.source})"
    if name is None:
        raise UnknownAsset(f"{where} does not say which asset it is of: @asset_check(asset=...).")
    if name in assets:
        return name
    same = sorted(key for key in assets if key.rpartition("/")[2] == name)
    if len(same) > 1:
        raise InvalidArgument(f"{where}: {name!r} could be {' or '.join(same)}. Give the full key.")
    if not same:
        hint = did_you_mean(name, assets, what="assets")
        raise UnknownAsset(f"{where} is of {name!r}, but no asset has that name. {hint}")
    return same[0]


def _is_ready(given: Any) -> bool:
    attributes = ("name", "blocking", "severity")
    return not isinstance(given, type) and all(hasattr(given, one) for one in attributes)


def _is_context(function: FunctionType, name: str) -> bool:
    annotation = function.__annotations__.get(name)
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return name == "context" or text.rpartition(".")[2] == _CONTEXT_CLASS


def _scope_of(function: Any) -> dict[str, Any]:
    """Return what the code around a decorator knows of the names in the annotations."""
    frame = sys._getframe(2)  # noqa: SLF001  inspect.currentframe would be the same, slower
    if not isinstance(function, FunctionType) or frame.f_locals is frame.f_globals:
        return {}
    mentioned = annotation_names(function)
    return {name: value for name, value in frame.f_locals.items() if name in mentioned}


def _check_at(module: str, qualname: str) -> AssetCheck:
    check: AssetCheck = find_global(import_module(module), qualname)
    return check
