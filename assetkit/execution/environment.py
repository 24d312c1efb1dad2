"""What a run works with, and how it is to go about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from assetkit.catalog.base import Catalog
from assetkit.definitions.asset import AssetDef
from assetkit.errors import InvalidArgument, did_you_mean
from assetkit.execution.events import ProgressSink, Silent
from assetkit.execution.resources import RunResources
from assetkit.execution.task import Inspection
from assetkit.executors.base import Executor
from assetkit.io.base import Place
from assetkit.io.placing import placed
from assetkit.records import AssetRow, Owner


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The surroundings of a run. ``resources`` are known by name; ``pools`` limit steps by name.

    ``max_concurrency`` limits steps of all kinds (None: the executor does).
    ``inspections`` look at data before it is published. ``bases`` are the places of the
    workspaces that lend slots, the nearest first.
    """

    catalog: Catalog
    place: Place
    io_managers: Mapping[str, Any]
    executor: Executor
    resources: Mapping[str, Any] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    max_concurrency: int | None = None
    clock: Callable[[], datetime] = utc_now
    progress: ProgressSink = field(default_factory=Silent)
    inspections: tuple[Inspection, ...] = ()
    bases: tuple[Place, ...] = ()
    kit: RunResources = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kit", RunResources(self.resources))

    @property
    def places(self) -> tuple[Place, ...]:
        """Where slots may lie, by their depth."""
        return (self.place, *self.bases)

    def io_manager_of(self, asset: AssetDef) -> Any:
        """Return the IO manager that keeps an asset's data.

        Raises:
            InvalidArgument: the asset names one that is not known here.
        """
        named = asset.io_manager
        if not isinstance(named, str):
            return placed(named, self.place)
        if named not in self.io_managers:
            hint = did_you_mean(named, self.io_managers, what="IO managers")
            raise InvalidArgument(
                f"Asset {asset.key!r} ({asset.source}) asks for the IO manager {named!r}, which "
                f"is not known here. {hint} Give it as Workspace(io_managers={{{named!r}: ...}})."
            )
        return self.io_managers[named]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How one run is to go. ``run_id`` None: a new one, which sorts by time.

    ``definitions`` is what the catalog is to learn of them as the run begins.
    ``heartbeat``, ``commit_every`` and ``poll_every`` are seconds: how often the
    run says that it is alive, writes results down, and asks after slots that
    another run holds (at first; the pause grows).
    """

    run_id: str | None = None
    on_failure: Literal["continue", "stop"] = "continue"
    raise_on_error: bool = True
    origin: str = "python"
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    definitions: Sequence[AssetRow] = ()
    heartbeat: float = 5.0
    commit_every: float = 0.2
    commit_size: int = 1000
    poll_every: float = 0.1
