"""Resources: set up once per process, when a step first needs them; torn down after the run."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Mapping
from typing import Any

from assetkit.definitions.asset import AssetDef
from assetkit.errors import PlanError, did_you_mean

_lock = threading.Lock()
_open: dict[int, tuple[Any, Any]] = {}


def opened(resource: Any) -> Any:
    """Return a resource ready for use: what its ``setup`` or ``__enter__`` left or returned."""
    with _lock:
        if id(resource) not in _open:
            _open[id(resource)] = (resource, _set_up(resource))
        return _open[id(resource)][1]


def close_resources() -> None:
    """Tear down all that is set up in this process; one that fails is logged, and fails nothing."""
    with _lock:
        resources = [resource for resource, _ in reversed(_open.values())]
        _open.clear()
    for resource in resources:
        try:
            _tear_down(resource)
        except Exception:
            logging.getLogger(__name__).exception("Resource %r could not be closed", resource)


atexit.register(close_resources)


class OpenedResources:
    """Resources as attributes; each is set up when it is first asked for."""

    def __init__(self, resources: Mapping[str, Any]) -> None:
        self._resources = resources

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._resources:
            known = ", ".join(sorted(self._resources)) or "none"
            raise AttributeError(f"there is no resource {name!r} here; known: {known}")
        return opened(self._resources[name])

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def find_resources(asset: AssetDef, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources that an asset's function takes, by parameter.

    One is found by the parameter's name, then by its class, then made by calling
    the class. With a context, all that are known come along, by name.

    Raises:
        PlanError: nothing known has the class, and it cannot be made without arguments.
    """
    found = dict(known) if asset.wants_context is not None else {}
    for parameter, wanted in asset.resources.items():
        found[parameter] = _find(asset, parameter, wanted, known)
    return found


def _find(asset: AssetDef, parameter: str, wanted: Any, known: Mapping[str, Any]) -> Any:
    if parameter in known:
        return known[parameter]
    for resource in known.values():
        if isinstance(wanted, type) and isinstance(resource, wanted):
            return resource
    try:
        return wanted()
    except Exception as error:
        hint = did_you_mean(parameter, known, what="resources")
        raise PlanError(
            f"Asset {asset.key!r} ({asset.source}) needs the resource {parameter!r} of type "
            f"{wanted.__qualname__}, which was not given and cannot be made by itself "
            f"({type(error).__name__}: {error}). {hint} "
            f"Pass resources={{{parameter!r}: ...}}."
        ) from error


def _set_up(resource: Any) -> Any:
    if callable(setup := getattr(resource, "setup", None)):
        setup()
        return resource
    if hasattr(type(resource), "__enter__"):
        return resource.__enter__()
    return resource


def _tear_down(resource: Any) -> None:
    if callable(teardown := getattr(resource, "teardown", None)):
        teardown()
    elif not callable(getattr(resource, "setup", None)) and hasattr(type(resource), "__exit__"):
        resource.__exit__(None, None, None)
