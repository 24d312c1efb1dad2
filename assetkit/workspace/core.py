"""The parts of a workspace, as the rest of this folder needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assetkit.catalog.base import Catalog
from assetkit.catalog.times import utc_now
from assetkit.definitions.asset import AssetDef
from assetkit.errors import InvalidArgument, WorkspaceError, did_you_mean
from assetkit.executors.base import Executor
from assetkit.io.base import Place
from assetkit.io.placing import placed
from assetkit.planning.basis import io_manager_name
from assetkit.records import AssetKey
from assetkit.workspace.locate import remember_base
from assetkit.workspace.managers import IOManagers


@dataclass(slots=True, kw_only=True)
class Core:
    """What a workspace consists of.

    ``root`` is a local path or a URL; ``chosen_executor`` tells that somebody chose
    the executor. ``base`` is the workspace that this one is a branch of. ``met`` has the IO
    managers of assets seen here, with what they are known as: not all have a name here.
    """

    root: str
    place: Place
    catalog: Catalog
    io_managers: IOManagers
    resources: Mapping[str, Any]
    executor: Executor
    pools: Mapping[str, int]
    chosen_executor: bool = False
    clock: Callable[[], datetime] = utc_now
    base: Core | None = None
    met: dict[AssetKey, tuple[str, Any]] = field(default_factory=dict)

    def reading(self) -> AbstractContextManager[None]:
        """Read all that this thread reads of the catalog inside the block at once.

        Of a branch, whose bases have catalogs of their own, each by itself.
        """
        return self.catalog.reading() if self.base is None else nullcontext()

    def io_manager_of(self, asset: AssetDef) -> Any:
        """Return the IO manager that keeps an asset's data.

        Raises:
            InvalidArgument: the asset names one that this workspace does not have.
        """
        named = asset.io_manager
        if not isinstance(named, str):
            return self._meet(asset, placed(named, self.place))
        if named not in self.io_managers:
            raise InvalidArgument(
                f"Asset {asset.key!r} ({asset.source}) asks for the IO manager {named!r}, which "
                f"this workspace does not have. {did_you_mean(named, self.io_managers)} Give it as "
                f"Workspace(io_managers={{{named!r}: ...}})."
            )
        return self._meet(asset, self.io_managers[named])

    def io_manager_known_as(self, name: str, asset: AssetKey) -> Any:
        """Return the IO manager of that name, or the one of that name that *asset* came with.

        None where the workspace has none of that name, and saw no such definition of the asset.
        """
        if name in self.io_managers:
            return self.io_managers[name]
        known_as, manager = self.met.get(asset, (None, None))
        return manager if known_as == name else None

    def _meet(self, asset: AssetDef, manager: Any) -> Any:
        self.met[asset.key] = (io_manager_name(asset.io_manager), manager)
        return manager

    def now(self) -> datetime:
        """Return the time, in UTC: the only clock of plans and runs."""
        return self.clock()

    def announce(self) -> None:
        """Say where the state is kept, the first time something is written there."""
        is_new = not self.place.private.exists()
        try:
            if is_new:
                self.place.private.mkdir(parents=True, exist_ok=True)
                (self.place.private / ".gitignore").write_text("*\n", encoding="utf-8")
            if self.base is not None:
                remember_base(self.place, self.base.root)
        except OSError as error:
            raise WorkspaceError(
                f"The workspace {self.root} cannot be written: {error.strerror}. Give another "
                f"root (Workspace(...), ASSETKIT_WORKSPACE) or mend the rights."
            ) from error
        if is_new:
            print(f"assetkit: data and state are kept in {self.root}", file=sys.stderr)  # noqa: T201


def checked_names(argument: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is given by name; raise `InvalidArgument` for what is no mapping."""
    if given is not None and not isinstance(given, Mapping):
        raise InvalidArgument(f"{argument}={given!r} does not do. Allowed: a dict with text keys.")
    return dict(given or {})


def checked_pools(pools: Mapping[str, int] | None) -> dict[str, int]:
    """Return how many steps may run at once, by pool; raise `InvalidArgument` for less than one."""
    for name, places in checked_names("pools", pools).items():
        if type(places) is not int or places < 1:
            raise InvalidArgument(
                f"The pool {name!r} has {places!r} places, so nothing in it could ever run. "
                f"Give a whole number of 1 or more: Workspace(pools={{{name!r}: 4}})."
            )
    return dict(pools or {})


def checked_executor(executor: Any) -> Any:
    """Return an executor, or None; raise `InvalidArgument` for anything else."""
    if executor is None or (hasattr(executor, "submit") and not isinstance(executor, type)):
        return executor
    raise InvalidArgument(
        f"executor={executor!r} does not do. Allowed: an executor, such as ThreadExecutor(4); "
        f"those of assetkit.executors."
    )
