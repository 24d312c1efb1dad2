"""Resources: one of each per run and worker, set up when a step first needs it.

Rule 1: a resource that is given is shared by all assets of a run; one that is made of its
class is, too.
Rule 2: all are torn down after the run, also in workers that stay warm for the next one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from multiprocessing.util import Finalize
from typing import Any

from assetkit.definitions.asset import AssetDef
from assetkit.errors import PlanError, did_you_mean
from assetkit.execution.masking import learn_secrets
from assetkit.execution.shipping import Shipped

_lock = threading.Lock()
_open: dict[str, dict[int, tuple[Any, Any]]] = {}


class RunResources:
    """The resources of one run: those known by name, and those made of their classes."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = {name: Shipped(one) for name, one in known.items()}
        self._made: dict[Any, Shipped[Any]] = {}

    def of(self, asset: AssetDef) -> dict[str, Shipped[Any]]:
        """Return the resources that an asset's function takes, by parameter.

        One is found by the parameter's name, then by its class, then made by calling
        the class. With a context, all that are known come along, by name.

        Raises:
            PlanError: nothing known has the class, and it cannot be made without arguments.
        """
        found = dict(self._known) if asset.wants_context is not None else {}
        for parameter, wanted in asset.resources.items():
            found[parameter] = self._find(asset, parameter, wanted)
        return found

    @property
    def used(self) -> bool:
        """True where there is any resource that a worker may have set up."""
        return bool(self._known or self._made)

    def _find(self, asset: AssetDef, parameter: str, wanted: Any) -> Shipped[Any]:
        if parameter in self._known:
            return self._known[parameter]
        for known in self._known.values():
            if isinstance(wanted, type) and isinstance(known.value, wanted):
                return known
        if wanted not in self._made:
            self._made[wanted] = Shipped(_make(asset, parameter, wanted, self._known))
        return self._made[wanted]


def opened(shipped: Shipped[Any], run_id: str) -> Any:
    """Return a resource ready for use: what its ``setup`` or ``__enter__`` left or returned."""
    resource = shipped.value
    with _lock:
        if not _open:
            # A worker process ends without the hooks of atexit, but not without these.
            Finalize(None, close_resources, exitpriority=10)
        of_run = _open.setdefault(run_id, {})
        if id(resource) not in of_run:
            learn_secrets(resource)
            of_run[id(resource)] = (resource, _set_up(resource))
        return of_run[id(resource)][1]


def close_resources(run_id: str | None = None) -> None:
    """Tear down what a run has set up in this process; None: what any run has.

    One that fails is logged, and fails nothing.
    """
    with _lock:
        runs = list(_open) if run_id is None else [run_id]
        found = [_open.pop(one, {}) for one in runs]
    resources = [resource for of_run in found for resource, _ in reversed(of_run.values())]
    for resource in resources:
        try:
            _tear_down(resource)
        except Exception:
            logging.getLogger(__name__).exception("Resource %r could not be closed", resource)


class OpenedResources:
    """Resources as attributes; each is set up when it is first asked for."""

    def __init__(self, resources: Mapping[str, Shipped[Any]], run_id: str) -> None:
        self._resources, self._run_id = resources, run_id

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._resources:
            known = ", ".join(sorted(self._resources)) or "none"
            raise AttributeError(f"there is no resource {name!r} here; known: {known}")
        return opened(self._resources[name], self._run_id)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def _make(asset: AssetDef, parameter: str, wanted: Any, known: Mapping[str, Any]) -> Any:
    try:
        return wanted()
    except Exception as error:
        hint = did_you_mean(parameter, known, what="resources")
        raise PlanError(
            f"Asset {asset.key!r} ({asset.source}) needs the resource {parameter!r} of type "
            f"{wanted.__qualname__}, which was not given and cannot be made by itself "
            f"({type(error).__name__}: {_words(error)}). {hint} "
            f"Pass resources={{{parameter!r}: ...}}."
        ) from (None if hasattr(error, "errors") else error)


def _words(error: Exception) -> str:
    """Return what an error says; without the values that pydantic refused: they may be secret."""
    if not callable(errors := getattr(error, "errors", None)):
        return str(error)
    found = errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found)


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
