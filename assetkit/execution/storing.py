"""Store one slot's value: write it aside, let it be looked at, publish it, and say what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any, cast

from assetkit.columns import fingerprint
from assetkit.errors import OutputError
from assetkit.execution.drifting import hold_to_others
from assetkit.execution.inspecting import with_outcomes
from assetkit.execution.provenance import json_value, provenance_of
from assetkit.execution.returned import Returned
from assetkit.execution.task import AssetWork, SlotWork, StepTask
from assetkit.io.base import BulkIOManager, Target, Written
from assetkit.io.threads import in_threads
from assetkit.records import (
    CheckOutcome,
    InputUse,
    Materialization,
    Outcome,
    is_nothing,
    slot_name,
    version_of_nothing,
)

_PUBLISHING = 8
"""How many values are published at once by an IO manager that does so one by one."""

_NOTHING = Written()


@dataclass(slots=True)
class Draft:
    """One slot about to be stored: what made it, from what, and since when (`perf_counter`).

    ``metadata`` may still grow while a stream is written.
    """

    task: StepTask
    slot: SlotWork
    work: AssetWork
    uses: tuple[InputUse, ...]
    started: float
    metadata: dict[str, Any]

    def record(
        self,
        at: datetime,
        data_time: datetime | None,
        version: str,
        written: Written = _NOTHING,
    ) -> Materialization:
        """Return what is to be written down of the slot."""
        task, slot = self.task, self.slot
        known = bool(version) and slot.published is not None
        # A file that an attempt left whose worker died is no news to the disk, but to the run.
        same = known and (written.unchanged or version == slot.published)
        own = json_value(written.metadata) if written.metadata else {}
        return Materialization(
            asset=self.work.asset.key,
            partition=slot.partition,
            ordinal=slot.ordinal,
            run_id=task.run_id,
            data_version=version,
            basis=self.work.basis,
            inputs=self.uses,
            materialized_at=at,
            data_time=data_time,
            outcome=Outcome.UNCHANGED if same else Outcome.MATERIALIZED,
            partial=slot.partial,
            rows=written.rows,
            bytes=written.bytes,
            duration=(perf_counter() - self.started) / len(task.slots),
            attempt=task.attempt,
            location=written.location,
            signature=written.signature,
            schema=written.schema,
            metadata={**self.metadata, **own} if self.metadata or own else {},
        )


@dataclass(slots=True)
class Staged:
    """A slot's value, written aside: `publish` makes it what readers see."""

    draft: Draft
    at: datetime
    data_time: datetime | None
    given: str
    written: Written
    target: Target

    def publish(self) -> Materialization:
        """Publish the value and return what is to be recorded; may run in another thread.

        Raises whatever keeps it from being published; what was there before stays.
        """
        manager = self.draft.work.manager
        try:
            return self.published(manager.publish(self.written, self.target))
        except BaseException:
            manager.discard(self.written)
            raise

    def published(self, written: Written) -> Materialization:
        """Return what is to be recorded, once the value is *written* in its place."""
        version = self.given or written.data_version or _run_version(self.draft)
        return self.draft.record(self.at, self.data_time, version, written)

    def discard(self) -> None:
        """Drop the value; what was published before stays."""
        self.draft.work.manager.discard(self.written)


@dataclass(slots=True)
class Begun:
    """A slot's value, taken in: `stored` writes it, and may run in another thread."""

    draft: Draft
    at: datetime
    data_time: datetime | None
    given: str
    write: Callable[[], Written]
    target: Target

    def stored(self) -> Materialization | Staged:
        """Write the value aside; where it cannot be staged, write it and return the record.

        Raises whatever keeps the value from being stored; what was published before stays.
        """
        draft = self.draft
        with _told_of(self.target, draft.work):
            written = self.write()
        if draft.slot.columns is not None and written.schema is not None:
            _hold_to_others(draft, written)
        if draft.work.staged:
            return Staged(draft, self.at, self.data_time, self.given, written, self.target)
        version = self.given or written.data_version or _run_version(draft)
        return draft.record(self.at, self.data_time, version, written)


def begin(returned: Returned, draft: Draft) -> Materialization | Begun:
    """Take one slot's value in, which is then to be written; a result of None is stored at once.

    Raises whatever the IO manager has against the value.
    """
    if returned.metadata:
        said = {str(name): json_value(value) for name, value in returned.metadata.items()}
        draft.metadata = {**draft.metadata, **said}
    work = draft.work
    at = work.clock()
    data_time = _data_time(returned, draft.slot, at)
    given = ""
    if returned.data_version is not None:
        given = _digest("given", work.asset.key, returned.data_version)
    if returned.value is None:
        return _store_nothing(draft, at, data_time, given)
    provenance = provenance_of(draft.record(at, data_time, given))
    # What a generator adds while it is written still finds its way into the file.
    provenance["metadata"] = draft.metadata
    target = _target(draft, provenance)
    return Begun(draft, at, data_time, given, _writing(returned.value, target, work), target)


def _writing(value: Any, target: Target, work: AssetWork) -> Callable[[], Written]:
    """Return what writes a value; where nothing looks at it, it is taken in at once."""
    if work.inspections or not getattr(work.manager, "writes_later", False):
        return partial(_write, value, target, work)
    with _told_of(target, work):
        return cast("BulkIOManager", work.manager).write_later(value, target)


def publish_all(staged: Sequence[Staged]) -> list[Materialization | Exception]:
    """Publish many values, together where their IO managers can.

    What keeps a value from being published is in its place: an error that was not raised.
    """
    by_manager: dict[int, list[int]] = {}
    for place, one in enumerate(staged):
        by_manager.setdefault(id(one.draft.work.manager), []).append(place)
    found: dict[int, Materialization | Exception] = {}
    for places in by_manager.values():
        found.update(zip(places, _publish([staged[place] for place in places]), strict=True))
    return [found[place] for place in range(len(staged))]


def _publish(staged: Sequence[Staged]) -> list[Materialization | Exception]:
    """Publish values of one IO manager."""
    work = staged[0].draft.work
    if not getattr(work.manager, "publishes_together", False):
        threads = _PUBLISHING if work.waits_for_disk else 1
        return in_threads(threads, partial(map, _published_or_not), staged)
    manager = cast("BulkIOManager", work.manager)
    done = manager.publish_all([(one.written, one.target) for one in staged])
    return [
        one.published(found) if isinstance(found, Written) else found
        for one, found in zip(staged, done, strict=True)
    ]


def _published_or_not(one: Staged) -> Materialization | Exception:
    try:
        return one.publish()
    except Exception as error:
        return error


def _target(draft: Draft, provenance: Mapping[str, Any]) -> Target:
    task, slot, work = draft.task, draft.slot, draft.work
    return Target(
        asset=work.asset.key,
        partition_key=slot.partition_key,
        dimensions=slot.parts,
        place=work.place,
        folder=slot.folder,
        run_id=task.run_id,
        attempt=task.attempt,
        provenance=provenance,
        published=slot.published,
        schema=_arrow_schema(work.asset.schema),
    )


def _write(value: Any, target: Target, work: AssetWork) -> Written:
    """Write a value, and let it be looked at: staged data after that, other data before."""
    outcomes: list[CheckOutcome] = []
    if not work.staged:
        outcomes = _inspect(value, target, work, None)
    written: Any = work.manager.write(value, target)
    if not isinstance(written, Written):
        written = _NOTHING
    elif work.staged:
        outcomes = _inspect(value, target, work, written)
    return with_outcomes(written, outcomes)


@contextmanager
def _told_of(target: Target, work: AssetWork) -> Iterator[None]:
    """Say which slot it was whose value cannot be stored."""
    try:
        yield
    except OutputError as error:
        if work.asset.key in str(error):
            raise
        where = slot_name(work.asset.key, target.partition_key)
        raise OutputError(f"{where} ({work.asset.source}): {error}") from error.__cause__


def _hold_to_others(draft: Draft, written: Written) -> None:
    """Refuse a slot whose columns are not those of the others."""
    slot, asset = draft.slot, draft.work.asset
    try:
        name = slot_name(asset.key, slot.partition_key)
        hold_to_others(asset, name, slot.columns or "[]", written.schema or "[]")
    except OutputError:
        if draft.work.staged:
            draft.work.manager.discard(written)
        raise


def _inspect(
    value: Any, target: Target, work: AssetWork, written: Written | None
) -> list[CheckOutcome]:
    try:
        return [
            one
            for look in work.inspections
            for one in look(work.asset, target, value, written) or ()
        ]
    except BaseException:
        if written is not None:
            work.manager.discard(written)
        raise


def _data_time(returned: Returned, slot: SlotWork, now: datetime) -> datetime:
    """Return up to when the data reflects the world: a closed window's is at least its end."""
    if returned.data_time is not None:
        return returned.data_time
    time = slot.data_time or now
    if slot.window is not None and time < slot.window.end <= now:
        return slot.window.end
    return time


def _store_nothing(
    draft: Draft, at: datetime, data_time: datetime | None, given: str
) -> Materialization:
    """Record a result of None: its version says what it was made from, and old data goes."""
    work, slot = draft.work, draft.slot
    if slot.published is not None and not is_nothing(slot.published):
        work.manager.delete(_target(draft, {}))
    made_from = fingerprint(work.basis, [use.digest for use in draft.uses])
    text = given or _digest("none", work.asset.key, slot.partition or "", made_from)
    return draft.record(at, data_time, version_of_nothing(text))


def _run_version(draft: Draft) -> str:
    """Return what stands for content that nobody hashes: every run counts as a change."""
    task = draft.task
    return _digest("run", task.run_id, str(task.attempt), draft.slot.partition or "")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _arrow_schema(schema: Any) -> Any:
    """Return *schema* where it is pyarrow's: what the IO manager itself can hold data to."""
    return schema if type(schema).__module__.partition(".")[0] == "pyarrow" else None
