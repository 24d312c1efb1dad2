"""What pages are made from: a workspace, a project's graph, and how everything stands now."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from threading import Lock, Thread

from assetkit.errors import AssetkitError, UnknownAsset, did_you_mean
from assetkit.graph.grammar import mentioned_names, parse_selection, with_names
from assetkit.graph.graph import AssetGraph
from assetkit.planning.decisions import Decision
from assetkit.planning.freshness import Freshness
from assetkit.planning.model import AssetSummary
from assetkit.planning.plan import Plan
from assetkit.planning.request import Request
from assetkit.project import Definitions
from assetkit.records import AssetKey
from assetkit.web.marks import catalog_mark
from assetkit.web.states import Tally, tallies_of
from assetkit.workspace import Workspace
from assetkit.workspace.core import Core
from assetkit.workspace.evaluating import evaluate_beside
from assetkit.workspace.moving import successor
from assetkit.workspace.reconcile import Looks
from assetkit.workspace.situation import Definitions as Described
from assetkit.workspace.situation import describe_graph

_AGE = 5.0
_SHARE = 10
"""How everything stands is found out again after so many seconds, or times what it took; files
of which the catalog says nothing new are looked at as often at most.
"""
_LATEST = 60.0
"""So many seconds longer it is shown while that goes on, where nothing was written."""


class NotFoundHere(AssetkitError):
    """A page asks for something that is not there."""


class UnknownHere(UnknownAsset):
    """An asset that neither project nor catalog know; ``near`` are the names most like it."""

    def __init__(self, name: str, known: Collection[AssetKey]) -> None:
        self.near = get_close_matches(name, sorted(known), n=5)
        super().__init__(f"There is no asset {name!r}. {did_you_mean(name, known)}")


class RenamedHere(UnknownAsset):
    """An asset, or a selection, is asked for by a name that it had; ``near`` is today's."""

    def __init__(self, name: str, today: str) -> None:
        self.near = [today]
        super().__init__(f"{name!r} is called {today!r} now.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How all assets stand at one moment: one plan of everything, promises and decisions."""

    plan: Plan
    lines: Mapping[AssetKey, AssetSummary]
    tallies: Mapping[AssetKey, Tally]
    promises: Mapping[AssetKey, Freshness]
    decisions: Mapping[AssetKey, tuple[Decision, ...]]

    @property
    def now(self) -> datetime:
        """The moment."""
        return self.plan.now


def in_project(text: str) -> str:
    """Return text with the files of the project told from its folder, in which this runs."""
    return text.replace(f"{Path.cwd()}/", "") if "/" in text else text


class Desk:
    """A workspace and, where it loads, a project: what every page is made from.

    ``graph`` is None where no project is named or none loads; pages then show
    what the catalog knows. Safe to use from several threads.
    """

    def __init__(self, workspace: Workspace, definitions: Definitions | None) -> None:
        self.definitions = definitions
        self.graph: AssetGraph | None = None if definitions is None else definitions.graph
        self.workspace = workspace
        if definitions is not None:
            self.workspace = workspace.furnished(
                resources=definitions.resources,
                io_managers=definitions.io_managers,
                executor=definitions.executor,
            )
        self._lock = Lock()
        self._standing: tuple[object, float, Standing] | None = None
        self._behind: Thread | None = None
        self._looks, self._looked_at = Looks(), 0.0

    @property
    def core(self) -> Core:
        """The parts of the workspace."""
        return self.workspace.core

    def now(self) -> datetime:
        """Return the time of the workspace."""
        return self.core.now()

    @cached_property
    def described(self) -> Described:
        """The project with its fingerprints."""
        return describe_graph(self.known_graph, {})

    @property
    def known_graph(self) -> AssetGraph:
        """The graph; raises `NotFoundHere` where there is none."""
        if self.graph is None:
            raise NotFoundHere(
                "There is no project that loads: nothing to draw, and nothing to plan."
            )
        return self.graph

    def find_asset(self, name: str) -> AssetKey:
        """Return the key of an asset that the project or the catalog knows.

        Raises `UnknownAsset` with the nearest names.
        """
        known = set(() if self.graph is None else self.graph.assets)
        if name in known:
            return name
        known |= {row.asset for row in self.core.catalog.asset_rows()}
        if name in known:
            return name
        if (key := successor(self.core, name)) is not None:
            raise RenamedHere(name, key)
        raise UnknownHere(name, known)

    def follow_names(self, selection: str) -> None:
        """Raise `RenamedHere` where a selection has assets by names that they had."""
        parsed, known = parse_selection(selection), self.known_graph.assets
        later = {
            name: key
            for name in mentioned_names(parsed)
            if name not in known and (key := successor(self.core, name)) is not None
        }
        if later:
            raise RenamedHere(selection, with_names(parsed, later))

    def standing(self) -> Standing | None:
        """Return how everything stands, at most seconds old; None without a project."""
        if self.graph is None or not self.graph.assets:
            return None
        mark = self._mark()
        with self._lock:
            if self._standing is not None:
                seen, until, found = self._standing
                late = time.monotonic() - until
                if seen == mark and late < _LATEST:
                    if late > 0:
                        self._renew_behind()
                    return found
            return self._renew()

    def _renew(self) -> Standing:
        begun = time.monotonic()
        found = self._stand()
        took = time.monotonic() - begun
        self._standing = (self._mark(), time.monotonic() + max(_AGE, _SHARE * took), found)
        return found

    def _renew_behind(self) -> None:
        """Find out anew without anybody waiting: nothing was written, only time has passed."""
        if self._behind is not None and self._behind.is_alive():
            return

        def renew() -> None:
            with suppress(Exception):  # who asks once it is too old gets the error
                self._renew()

        self._behind = Thread(target=renew, name="assetkit-standing", daemon=True)
        self._behind.start()

    def _stand(self) -> Standing:
        request = Request(targets=tuple(self.known_graph.assets))
        if time.monotonic() - self._looked_at > _AGE:
            self._looks.forget()
            self._looked_at = time.monotonic()
        plan, found = evaluate_beside(
            self.core, self.described, request, now=self.now(), looks=self._looks
        )
        decisions: dict[AssetKey, tuple[Decision, ...]] = {}
        for one in found.decisions:
            decisions[one.asset] = (*decisions.get(one.asset, ()), one)
        return Standing(
            plan=plan,
            lines={line.asset: line for line in plan.summary().assets},
            tallies=dict.fromkeys(self.known_graph.assets, Tally(total=0)) | tallies_of(plan),
            promises={one.asset: one for one in found.statuses},
            decisions=decisions,
        )

    def _mark(self) -> object:
        return catalog_mark(getattr(self.core.catalog, "path", None))
