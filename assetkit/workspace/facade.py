"""The workspace: one place with a catalog and data, and what can be asked of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, Self

from assetkit.catalog.base import Catalog
from assetkit.errors import InvalidArgument
from assetkit.executors.base import Executor
from assetkit.executors.local import InProcessExecutor
from assetkit.graph.build import build_graph
from assetkit.graph.graph import AssetGraph
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.records import AssetKey
from assetkit.workspace import backfilling, data, members, upkeep
from assetkit.workspace.branch import Branch
from assetkit.workspace.branching import bases_of, find_base
from assetkit.workspace.core import Core, checked_executor, checked_names, checked_pools
from assetkit.workspace.locate import default_base, default_root, lay_out
from assetkit.workspace.managers import IOManagers, open_catalog
from assetkit.workspace.planning import plan_in
from assetkit.workspace.situation import Definitions as Described

if TYPE_CHECKING:
    import pandas as pd

    from assetkit.workspace.description import Description


class Workspace(Branch):
    """Where data and catalog live.

    Args:
        root: a path, or an fsspec URL such as ``s3://bucket/lake``. None: what
            ``ASSETKIT_WORKSPACE``, ``[tool.assetkit]`` in the nearest
            ``pyproject.toml``, or ``.assetkit`` here says.
        catalog: where the catalog file lies, or a `Catalog`; by default
            ``catalog.duckdb`` in the root.
        io_managers: by name, besides ``"parquet"``, ``"pickle"``, ``"json"``, ``"memory"``
            and ``"duckdb"``.
        resources: by parameter name.
        executor: where steps run; in this process by default.
        pools: how many steps may run at once, by pool name.
        base: another workspace, or where one is: this one is a branch of it. What the
            branch has not made itself it reads from there, also its IO managers and
            resources; it writes only its own, until `promote`. None: what ``ASSETKIT_BASE``
            or ``[tool.assetkit]`` says where *root* is None, or what the branch remembers.
        storage_options: what fsspec needs to get to a remote root, such as
            ``{"endpoint_url": ...}``; never written down anywhere.

    Nothing is made on disk before something is written.

    >>> with Workspace.temporary() as workspace:
    ...     len(workspace.runs())
    0
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        *,
        catalog: str | os.PathLike[str] | Catalog | None = None,
        io_managers: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        executor: Executor | None = None,
        pools: Mapping[str, int] | None = None,
        base: Workspace | str | os.PathLike[str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        here = Path.cwd()
        base = default_base(os.environ, here) if base is None and root is None else base
        root = root if root is not None else default_root(os.environ, here)
        rooms = lay_out(root, here, storage_options)
        lender = find_base(base, rooms, lambda found: Workspace(found).core)
        managers = IOManagers(checked_names("io_managers", io_managers), rooms.place)
        self.core = Core(
            root=rooms.root,
            place=rooms.place,
            catalog=open_catalog(catalog, rooms.catalog),
            base=lender,
            io_managers=managers if lender is None else managers.over(lender.io_managers),
            resources={
                **(lender.resources if lender else {}),
                **checked_names("resources", resources),
            },
            executor=checked_executor(executor) or InProcessExecutor(),
            chosen_executor=executor is not None,
            pools=checked_pools(pools),
        )

    @property
    def root(self) -> str:
        """Where the workspace is: a local path or a URL."""
        return self.core.root

    @property
    def catalog(self) -> Catalog:
        """What is known of assets, slots and runs."""
        return self.core.catalog

    @classmethod
    @contextmanager
    def temporary(cls, **arguments: Any) -> Iterator[Workspace]:
        """Give a workspace in a folder of its own, for tests; it is gone afterwards.

        >>> with Workspace.temporary() as workspace:
        ...     workspace.status().empty
        True
        """
        with TemporaryDirectory(prefix="assetkit-") as folder:
            workspace = cls(Path(folder) / "workspace", **arguments)
            workspace.core.place.private.mkdir(parents=True)  # known already: nothing to announce
            try:
                yield workspace
            finally:
                workspace.close()

    def furnished(
        self, *, resources: Mapping[str, Any], io_managers: Mapping[str, Any], executor: Any
    ) -> Workspace:
        """Return this same place with what a project brings where it has nothing of its own."""
        core, furnished = self.core, copy(self)
        furnished.core = replace(
            core,
            io_managers=core.io_managers.besides(io_managers),
            resources={**resources, **core.resources},
            executor=core.executor if core.chosen_executor else executor or core.executor,
            chosen_executor=core.chosen_executor or executor is not None,
        )
        return furnished

    def close(self) -> None:
        """Let go of the catalog; the workspace may be used again."""
        for core in (self.core, *bases_of(self.core)):
            core.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workspace({self.root!r})"

    def plan(
        self,
        graph: AssetGraph | Described,
        request: Request,
        *,
        config: Mapping[AssetKey, Mapping[str, Any]] | None = None,
        now: datetime | None = None,
    ) -> Plan:
        """Plan a request over a resolved graph; `assetkit.plan` is the call for people.

        *graph* may be what `describe_graph` made of it with *config*, which saves doing it again.
        """
        return plan_in(self.core, graph, request, config=config or {}, now=now or self.core.now())

    def load(
        self,
        asset: Any,
        partitions: Any = None,
        load_as: Any = None,
        columns: list[str] | None = None,
    ) -> Any:
        """Load what is published of an asset: a `pandas.DataFrame`, or *load_as*.

        *partitions* selects among those published (None: all of them): a key,
        a list, ``"a..b"``, ``"latest:7"``. Several are concatenated in order.

        Raises:
            UnknownAsset: nothing of that name was ever materialized here.
            DataMissing: a partition asked for is not materialized, or its file is gone.
        """
        return data.load(self.core, asset, partitions, load_as, columns)

    def sql(self, query: str) -> pd.DataFrame:
        """Run a DuckDB query that sees every asset as a view; return a frame.

        An asset with prefixes is quoted (``"sales/orders"``); its last part
        works too where it is unique. Partition dimensions are text columns.
        """
        if not isinstance(query, str):
            raise InvalidArgument(f"The query must be a text, such as 'from orders': {query!r}.")
        views = import_module("assetkit.workspace.views")
        frame: pd.DataFrame = views.run_query(self.core, query)
        return frame

    def status(self, definitions: Any = None, *, now: datetime | None = None) -> pd.DataFrame:
        """Return one row per asset: what is there, and how it stands to its `FreshnessPolicy`.

        ``status`` is ``fresh``, ``warning`` or ``overdue``; ``held`` what waits for a person.
        Policies are found in *definitions* (assets, `Definitions`; None: what the caller sees).
        """
        names = _names(sys._getframe(1))  # noqa: SLF001
        frame: pd.DataFrame = _part("statusframe").status(self.core, definitions, names, now)
        return frame

    def freshness(self, asset: Any = None) -> pd.DataFrame:
        """Return when promises were broken and kept again, newest first, as daemons noted it."""
        frame: pd.DataFrame = _part("statusframe").freshness(self.core, asset)
        return frame

    def history(self, asset: Any, partition: Any = None) -> pd.DataFrame:
        """Return what was published of an asset, newest first."""
        frame: pd.DataFrame = _frames().history(self.core, asset, partition)
        return frame

    def runs(self, limit: int | None = None) -> pd.DataFrame:
        """Return the runs, newest first."""
        frame: pd.DataFrame = _frames().runs(self.core, limit)
        return frame

    def describe(self, asset: Any, partition: Any = None, *, rows: int = 5) -> Description:
        """Return what is published of an asset, with a closer look at one partition.

        The newest one, or *partition*: its columns (types, missing values, limits), *rows*
        of its rows, its metadata and what its checks found. Costs no reading of data.

        Raises:
            DataMissing: nothing of the asset, or not that partition, is materialized.
        """
        described: Description = _part("describing").describe(self.core, asset, partition, rows)
        return described

    def check(self, assets: Any, partitions: Any = None) -> pd.DataFrame:
        """Run the checks of assets on what is published, and return what they found, a row each.

        *assets*: an asset, several, `Definitions`, or names that the caller sees. The
        results are written down; nothing else changes, however a check turns out.
        *partitions* selects among those published (None: all).

        Raises:
            UnknownPartition: a partition asked for is not materialized.
        """
        handles = _part("accepting").handles_named(assets, _names(sys._getframe(1)))  # noqa: SLF001
        graph = getattr(assets, "graph", None) or build_graph(handles)
        checking = _part("checking")
        found = checking.check(self.core, graph, [one.key for one in handles], partitions)
        frame: pd.DataFrame = checking.frame_of(found)
        return frame

    def checks(self, asset: Any = None, *, run_id: str | None = None) -> pd.DataFrame:
        """Return what the last look at each partition found: a row per check.

        Of one *asset*, or of all; with *run_id*, all that one run found, also in data that
        a blocking check held back.
        """
        frame: pd.DataFrame = _part("checking").results(self.core, asset, run_id)
        return frame

    def events(self, run_id: str) -> pd.DataFrame:
        """Return what happened in a run, in order: ended steps and failed attempts.

        Raises `PlanError` where there is no such run.
        """
        frame: pd.DataFrame = _frames().events(self.core, run_id)
        return frame

    def lineage(self, asset: Any) -> pd.DataFrame:
        """Return the assets that an asset was made from, however far up, one edge a row.

        ``columns`` says, where ``downstream`` is a SQL asset, which columns of ``upstream``
        each of its columns is made of, as a dict; None elsewhere.
        """
        frame: pd.DataFrame = _frames().lineage(self.core, asset)
        return frame

    def backfills(self) -> pd.DataFrame:
        """Return the backfills, newest first, and where each stands (``lost``: it was killed)."""
        frame: pd.DataFrame = _frames().backfills(self.core)
        return frame

    def cancel(self, name: str) -> bool:
        """Ask a run or a backfill to stop; return whether it was running.

        What it has committed stays. Raises `PlanError` where there is none of that id.
        """
        return backfilling.cancel(self.core, name)

    def add_partitions(self, name: str, keys: Iterable[str]) -> list[str]:
        """Add keys to the dynamic partitions of that name; return those that are new.

        Safe from several processes at once; keys that are there already stay as they are.

        >>> with Workspace.temporary() as workspace:
        ...     workspace.add_partitions("customers", ["a", "b"])
        ...     workspace.add_partitions("customers", ["b", "c"])
        ['a', 'b']
        ['c']
        """
        return members.add(self.core, name, keys)

    def remove_partitions(self, name: str, keys: Iterable[str]) -> list[str]:
        """Remove keys from the dynamic partitions of that name; return those that were there.

        What is published of them stays on disk as orphans until it is deleted.
        """
        return members.remove(self.core, name, keys)

    def verify(self, *, deep: bool = False) -> pd.DataFrame:
        """Compare catalog and files; return each difference as a row, with its remedy.

        The columns are ``asset``, ``partition``, ``problem`` and ``remedy``; no
        row means that all is well. Looks at each file's size and record; *deep*
        reads and hashes all data, too. Changes nothing.
        """
        frame: pd.DataFrame = _part("verifying").verify(self.core, deep=deep)
        return frame

    def rebuild_catalog(self) -> int:
        """Make the catalog again from the records in the files; return how many slots it has.

        Loses the history of runs. Backfills, and results of None, come from the old
        catalog or its copy, and are lost where neither can be read. The old catalog is
        set aside beside the new one.

        Raises:
            CatalogError: a run is under way.
        """
        count: int = _part("rebuilding").rebuild(self.core)
        return count

    def vacuum(
        self, *, dry_run: bool = True, older_than: timedelta | float | str = timedelta(days=30)
    ) -> pd.DataFrame:
        """List what nobody needs any more (``path``, ``bytes``, ``reason``); remove it on request.

        That is: files of dead runs, replaced versions beyond what is kept, old logs, catalogs
        that were set aside, uploads to a store that were never finished, and the history of
        runs and results in the catalog. All but the first are asked for their age. Never
        removes data, what is known of it, nor anything that a live run holds.
        """
        vacuuming = _part("vacuuming")
        frame: pd.DataFrame = vacuuming.vacuum(self.core, dry_run=dry_run, older_than=older_than)
        return frame

    def rollback(self, asset: Any, partition: Any = None, *, to: str | None = None) -> str:
        """Publish a kept version of one partition again; return its data version.

        *to*: a data version (six digits will do) or a run's id, as `history` shows
        them; None: the newest that differs. The one that it replaces is kept. A version
        made by other code or of other inputs counts as stale, as ever.

        Raises:
            DataMissing: no such version was kept; see ``ParquetIOManager(keep=3)``.
            StorageError: another run is building the partition.
        """
        version: str = _part("rolling").rollback(self.core, asset, partition, to)
        return version

    def delete(self, asset: Any, partitions: Any = None) -> int:
        """Remove published partitions (all where None): data and record; return how many.

        ``"orphans"`` are those that the definition has no place for any more; to
        tell them, the asset itself is needed, not only its name.
        """
        return upkeep.delete(self.core, asset, partitions)

    def rename(self, old: Any, new: Any, partition: Any = None) -> int:
        """Give an asset, or one of its partitions, another name; return how many partitions moved.

        Data and history go along. What was made from a renamed asset stays fresh; what
        was made from a renamed partition sees another key, and is made again.
        ``rename("sales@mx", "sales@mexico")`` and ``rename(sales, "mexico", partition="mx")``
        are the same; ``"sales@region=mx"`` means all keys with that one in a dimension.

        Raises:
            UnknownAsset: there is nothing of *old*.
            UnknownPartition: nothing is published under the old key.
            CatalogError: there is data of *new*.
        """
        count: int
        if partition is None and not (isinstance(old, str) and "@" in old):
            count = _part("moving").rename(self.core, old, new)
        else:
            count = _part("rekeying").rename_key(self.core, old, new, partition)
        return count

    def adopt(self, asset: Any, path: str | os.PathLike[str], *, copy: bool = True) -> int:
        """Make existing files partitions of an asset, as if it had made them; return how many.

        *path*: a file, folder or glob of Parquet, CSV or JSON lines. For an asset with
        partitions: a folder with ``dimension=key`` folders or one file per key, or
        a path with ``{partition_key}``. The files stay as they are; without *copy* a
        Parquet file becomes the partition by another name, and must not change after.

        Raises:
            DataMissing: no file is there for any partition.
            MaterializationError: a file cannot be read, or does not fit the schema or a check.
        """
        count: int = _part("adopting").adopt(self.core, asset, path, copy=copy)
        return count

    def accept(self, asset: Any, partitions: Any = None) -> int:
        """Let published partitions count as made by today's code; return how many.

        For when the code changed and the data need not: they are no longer stale by
        code, schema or definition. Changed inputs stay a cause to run.
        """
        accepting = _part("accepting")
        handle = accepting.handle_named(asset, _names(sys._getframe(1)))  # noqa: SLF001
        count: int = accepting.accept(self.core, handle, partitions)
        return count

    def hold(self, asset: Any, reason: str = "") -> bool:
        """Have automation leave an asset alone; return whether it did not do so before.

        `materialize` builds it all the same. `status` shows what is held, and why.
        """
        key = getattr(asset, "key", None) or data.find_known(self.core, asset).key
        return bool(_part("holds").hold(self.core, [key], reason))

    def release(self, asset: Any) -> bool:
        """Let automation go on with an asset; return whether it was held."""
        key = getattr(asset, "key", asset)
        return bool(_part("holds").release(self.core, [key]))


def _names(frame: FrameType) -> dict[str, Any]:
    """Return what code can see: its globals and locals."""
    return {**frame.f_globals, **frame.f_locals}


def _part(name: str) -> ModuleType:
    return import_module(f"assetkit.workspace.{name}")


def _frames() -> ModuleType:
    # pandas takes longest of all to load, and most commands do without frames
    return import_module("assetkit.workspace.frames")
