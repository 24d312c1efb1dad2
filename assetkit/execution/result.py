"""What came of a run."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from assetkit.columns import Ints, join_version
from assetkit.definitions.inputs import columns_asked
from assetkit.definitions.keys import slot_folder
from assetkit.definitions.selecting import names_one
from assetkit.definitions.universe import Universe
from assetkit.display.ranges import range_text
from assetkit.errors import DataMissing, MaterializationError, UnknownAsset, did_you_mean
from assetkit.execution.environment import Environment
from assetkit.execution.report import RunReport, report_html, report_text
from assetkit.io.base import Source
from assetkit.planning.data import PlanData
from assetkit.planning.explain import explain
from assetkit.planning.model import VERDICTS
from assetkit.records import (
    AssetKey,
    CheckOutcome,
    FailedAttempt,
    Materialization,
    Outcome,
    PartitionKey,
    StepRecord,
    Verdict,
    is_nothing,
    partition_text,
    slot_name,
)

if TYPE_CHECKING:
    import pandas as pd

Slot = tuple[AssetKey, PartitionKey | None]
_BLOCKED = VERDICTS.index(Verdict.BLOCKED)


@dataclass(slots=True)
class Tally:
    """Collects how the steps of a run end; mutable while the run goes on."""

    outcomes: dict[Outcome, list[Slot]] = field(
        default_factory=lambda: {outcome: [] for outcome in Outcome}
    )
    steps: list[StepRecord] = field(default_factory=list)
    failures: list[FailedAttempt] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    rows: dict[AssetKey, int] = field(default_factory=dict)
    bytes: dict[AssetKey, int] = field(default_factory=dict)
    seconds: dict[AssetKey, float] = field(default_factory=dict)
    checks: list[CheckOutcome] = field(default_factory=list)


class RunResult:
    """What a run did: lists of (asset, partition), in the order in which steps ended.

    ``result["asset"]`` and ``load`` read what is published now. ``duration`` in seconds.
    """

    def __init__(
        self,
        run_id: str,
        duration: float,
        tally: Tally,
        plan: PlanData,
        environment: Environment,
    ) -> None:
        self.run_id, self.duration = run_id, duration
        self._tally, self._plan, self._environment = tally, plan, environment

    @property
    def success(self) -> bool:
        """True where no step failed, and none was held up or given up."""
        return not (self.went_wrong or self._lacking)

    @property
    def went_wrong(self) -> bool:
        """True where a step failed, was held up by one, or was given up; else inputs only lack."""
        ended = self._tally.outcomes
        return bool(ended[Outcome.FAILED] or ended[Outcome.BLOCKED] or ended[Outcome.CANCELLED])

    @property
    def materialized(self) -> list[Slot]:
        """What was made anew."""
        return list(self._tally.outcomes[Outcome.MATERIALIZED])

    @property
    def unchanged(self) -> list[Slot]:
        """What ran and came out as it was."""
        return list(self._tally.outcomes[Outcome.UNCHANGED])

    @property
    def skipped(self) -> list[Slot]:
        """What needed no run after all, as its inputs came out as they were."""
        return list(self._tally.outcomes[Outcome.SKIPPED])

    @property
    def failed(self) -> list[Slot]:
        """What failed."""
        return list(self._tally.outcomes[Outcome.FAILED])

    @property
    def blocked(self) -> list[Slot]:
        """What could not run, as something that it needs failed, or is missing and was not made."""
        return [*self._tally.outcomes[Outcome.BLOCKED], *self._lacking]

    @property
    def cancelled(self) -> list[Slot]:
        """What was stopped, or never started, as the run was given up."""
        return list(self._tally.outcomes[Outcome.CANCELLED])

    @property
    def failures(self) -> tuple[FailedAttempt, ...]:
        """The last failed attempt of each failed slot, in order."""
        return tuple(self._tally.failures)

    @property
    def errors(self) -> tuple[BaseException, ...]:
        """The exceptions behind `failures`."""
        return tuple(self._tally.errors)

    @property
    def checks(self) -> tuple[CheckOutcome, ...]:
        """What checks found in what was made, and in what they held back."""
        return tuple(self._tally.checks)

    @property
    def unmet_checks(self) -> tuple[CheckOutcome, ...]:
        """The checks that did not pass; those of severity ``"warn"`` are only worth a look."""
        return tuple(one for one in self._tally.checks if not one.passed)

    def load(
        self,
        asset: Any,
        partitions: Any = None,
        load_as: Any = None,
        columns: Sequence[str] | None = None,
    ) -> Any:
        """Load what is published of an asset: a `pandas.DataFrame`, or *load_as*.

        *partitions* selects among those that are there (None: all). Only
        *columns* are read (None: all). None is
        returned where they all are results of None.

        Raises:
            UnknownAsset: the run did not look at that asset.
            DataMissing: nothing of it is there.
        """
        key = self._key_of(asset)
        catalog = self._environment.catalog
        universe = self._plan.universes[key]
        ordinals = None
        if partitions is not None and universe.dimensions:
            ordinals = universe.ordinals(universe.select(partitions))
        many = bool(universe.dimensions) and not _is_one(partitions, universe)
        found = {
            one.ordinal: self._source_of(key, one, many=many)
            for one in catalog.published(key, ordinals)
        }
        found |= self._lent(key, ordinals, without=found, many=many)
        if not found:
            chosen = f" of the partitions {partitions!r}" if partitions is not None else ""
            raise DataMissing(f"Nothing{chosen} of {key!r} is materialized.")
        sources = [
            source for _, source in sorted(found.items()) if not is_nothing(source.data_version)
        ]
        if not sources:
            return None
        manager = self._environment.io_manager_of(self._plan.graph.assets[key])
        return manager.read(sources, load_as, columns_asked(columns))

    def __getitem__(self, asset: Any) -> Any:
        return self.load(asset)

    def _lent(
        self, key: AssetKey, ordinals: Ints | None, *, without: Container[int], many: bool
    ) -> dict[int, Source]:
        """Return the slots that a base lends, as they were planned."""
        lent = self._plan.snapshot.columns(key).lent
        if ordinals is not None:
            lent = lent.take(np.isin(lent.ordinal, ordinals))
        places = self._environment.places
        return {
            ordinal: replace(
                self._source(key, ordinal, many=many),
                place=places[int(lent.depth[row])],
                data_version=join_version(lent.version_hi[row], lent.version_lo[row]),
            )
            for row, ordinal in enumerate(lent.ordinal.tolist())
            if ordinal not in without
        }

    def _source_of(self, key: AssetKey, made: Materialization, *, many: bool) -> Source:
        found = self._source(key, made.ordinal, many=many)
        return replace(found, location=made.location, data_version=made.data_version)

    def _source(self, key: AssetKey, ordinal: int, *, many: bool) -> Source:
        universe = self._plan.universes[key]
        position = int(universe.positions(np.array([ordinal], dtype=np.int64))[0])
        parts = universe.parts(position)
        return Source(
            asset=key,
            partition_key=universe.key(position),
            dimensions=parts,
            place=self._environment.place,
            folder=slot_folder(key, parts),
            with_dimensions=many,
        )

    def _key_of(self, asset: Any) -> AssetKey:
        name = getattr(asset, "key", asset)
        known = [key for key in self._plan.graph.assets if key in self._plan.universes]
        if name in known:
            return str(name)
        alike = [key for key in known if key.rpartition("/")[2] == name]
        if len(alike) == 1:
            return alike[0]
        hint = did_you_mean(str(name), known, what="assets of this run")
        raise UnknownAsset(f"This run knows no asset {name!r}. {hint}")

    def to_pandas(self) -> pd.DataFrame:
        """Return a row per ended step, in order: how it ended, its duration, reason and log."""
        import pandas as pd  # noqa: PLC0415  pandas takes longer to load than most runs

        fields = ("asset", "partition", "outcome", "duration", "attempts", "reason", "log")
        rows = [
            (s.asset, s.partition, str(s.outcome), s.duration, s.attempts, s.reason, s.log)
            for s in self._tally.steps
        ]
        return pd.DataFrame(rows, columns=list(fields))

    def report(self) -> RunReport:
        """Return the run as text and notebook views show it."""
        return RunReport(
            run_id=self.run_id,
            duration=self.duration,
            outcomes={**self._tally.outcomes, Outcome.BLOCKED: self.blocked},
            lacking=self._why_lacking(),
            failures=self._tally.failures,
            rows=self._tally.rows,
            bytes=self._tally.bytes,
            seconds=self._tally.seconds,
            checks=[one for one in self.unmet_checks if not one.blocking],
        )

    @cached_property
    def _lacking(self) -> list[Slot]:
        """What the plan could not make, since an input is missing that it does not make."""
        return [
            (part.asset, self._plan.universes[part.asset].key(position))
            for part in self._plan.assets
            for position in part.positions[(part.verdict == _BLOCKED) & ~part.run].tolist()
        ]

    def _why_lacking(self) -> tuple[str, ...]:
        """Return for each asset that waits for inputs what one of its slots lacks."""
        first = dict(reversed(self._lacking))
        return tuple(explain(self._plan, asset, key) for asset, key in reversed(first.items()))

    def error(self) -> MaterializationError:
        """Return the error that names each failure; its cause is the first of them."""
        failed = [*self._failure_lines()]
        counts = f"{len(self.failed)} of {len(self._tally.steps)} steps failed"
        if held_up := len(self._tally.outcomes[Outcome.BLOCKED]):
            counts += f", {held_up} could not run for it"
        if self.cancelled:
            counts += f", {len(self.cancelled)} were given up"
        error = MaterializationError("\n  ".join([f"{counts}:", *failed]), result=self)
        error.__cause__ = self._tally.errors[0] if self._tally.errors else None
        return error

    def _failure_lines(self) -> Iterator[str]:
        """Yield a line per asset and kind of error: its first failure, then where else."""
        logs = {(s.asset, s.partition): s.log for s in self._tally.steps if s.log}
        alike: dict[tuple[AssetKey, str], list[FailedAttempt]] = {}
        for failed in self._tally.failures:
            alike.setdefault((failed.asset, failed.error_type), []).append(failed)
        for (asset, error_type), failures in alike.items():
            first = failures[0]
            first_line = _in_a_line(first.message)
            log = logs.get((asset, first.partition))
            told = f"; log: {log}" if log else ""
            others = f"; also {self._ranges(failures[1:])}" if failures[1:] else ""
            slot = slot_name(asset, first.partition)
            yield f"{slot}{self._where(asset)}: {error_type}: {first_line}{told}{others}"

    def _where(self, asset: AssetKey) -> str:
        definition = self._plan.graph.assets.get(asset)
        return "" if definition is None else f" ({definition.source})"

    def _ranges(self, failures: Sequence[FailedAttempt]) -> str:
        universe = self._plan.universes[failures[0].asset]
        ordinals = np.array([failed.ordinal for failed in failures], dtype=np.int64)
        positions = np.sort(universe.positions(ordinals))
        return range_text(positions, lambda p: partition_text(universe.key(p)), limit=len(failures))

    def __str__(self) -> str:
        return report_text(self.report())

    def __repr__(self) -> str:
        state = "success" if self.success else "failed"
        return f"<RunResult {self.run_id}: {state}, {len(self._tally.steps)} steps>"

    def _repr_html_(self) -> str:
        return str(report_html(self.report()))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


def _in_a_line(message: str) -> str:
    """Return the first line of a message, and the next one where it announces a list."""
    lines = message.strip().splitlines() or [""]
    if lines[0].endswith(":") and len(lines) > 1:
        return f"{lines[0]} {lines[1].strip()}"
    return lines[0]


def _is_one(partitions: Any, universe: Universe) -> bool:
    """Return whether a selection can only mean one partition."""

    def is_key(text: str) -> bool:
        return int(universe.ordinals_of_texts([text])[0]) >= 0

    return names_one(partitions, universe.dimensions, is_key)
