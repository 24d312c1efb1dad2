"""The parts of a workspace, as the rest of this folder needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assetkit.catalog.base import Catalog
from assetkit.catalog.times import utc_now
from assetkit.definitions.asset import AssetDef
from assetkit.errors import InvalidArgument, WorkspaceError, did_you_mean
from assetkit.executors.base import Executor
from assetkit.io.base import Place
from assetkit.io.placing import placed
from assetkit.workspace.locate import remember_base
from assetkit.workspace.managers import IOManagers


@dataclass(slots=True, kw_only=True)
class Core:
    """What a workspace consists of.

    ``root`` is a local path or a URL; ``chosen_executor`` tells that somebody chose
    the executor. ``base`` is the workspace that this one is a branch of.
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

    def io_manager_of(self, asset: AssetDef) -> Any:
        """Return the IO manager that keeps an asset's data.

        Raises:
            InvalidArgument: the asset names one that this workspace does not have.
        """
        named = asset.io_manager
        if not isinstance(named, str):
            return placed(named, self.place)
        if named not in self.io_managers:
            raise InvalidArgument(
                f"Asset {asset.key!r} ({asset.source}) asks for the IO manager {named!r}, which "
                f"this workspace does not have. {did_you_mean(named, self.io_managers)} Give it as "
                f"Workspace(io_managers={{{named!r}: ...}})."
            )
        return self.io_managers[named]

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


def checked_pools(pools: Mapping[str, int] | None) -> dict[str, int]:
    """Return how many steps may run at once, by pool; raise `InvalidArgument` for less than one."""
    for name, places in (pools or {}).items():
        if type(places) is not int or places < 1:
            raise InvalidArgument(
                f"The pool {name!r} has {places!r} places, so nothing in it could ever run. "
                f"Give a whole number of 1 or more: Workspace(pools={{{name!r}: 4}})."
            )
    return dict(pools or {})
