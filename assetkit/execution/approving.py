"""Steps that a person must approve: asked once, looked after now and then, told to who watches.

Rule 1: a step that waits holds no worker, and costs one look at the catalog for all that wait.
Rule 2: what was approved for the same code and inputs, in whichever run, goes on at once: so a
run whose process died takes up what was decided meanwhile.
"""

from __future__ import annotations

from time import monotonic

from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.errors import StepRejected
from assetkit.execution.environment import Environment
from assetkit.execution.events import ApprovalAsked
from assetkit.execution.noting import Ending, Notes, SlotName
from assetkit.execution.task import Failure
from assetkit.records import AssetKey, slot_name

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0


class Approvals:
    """What one run asked, and what came of it."""

    def __init__(self, environment: Environment, run_id: str, notes: Notes) -> None:
        self._environment, self._run_id, self._notes = environment, run_id, notes
        self._asked: dict[tuple[AssetKey, str | None], ApprovalRecord] = {}
        self._found: tuple[ApprovalRecord, ...] = ()
        self._pause = _FIRST_PAUSE
        self.next_look = 0.0
        """When decisions are read again, in seconds of the monotonic clock."""

    def standing_of(self, slot: SlotName, fingerprint: str) -> ApprovalStatus:
        """Return whether a slot may be made in a way: ask where nobody has yet, note a refusal."""
        name = slot.asset, slot.partition
        known = self._asked.get(name)
        mine = known if known and known.fingerprint == fingerprint else self._new(slot, fingerprint)
        if mine.status is ApprovalStatus.AWAITING:
            mine = self._decided(mine)
        if mine.status is ApprovalStatus.AWAITING and mine is not known:
            self._ask(mine)
        self._asked[name] = mine
        if mine.status is ApprovalStatus.REJECTED:
            failure = Failure.of(StepRejected(_refusal(mine)))
            self._notes.failed(slot, failure, Ending(), fingerprint=fingerprint, final=True)
            self.spend(*name)
        return mine.status

    def spend(self, asset: AssetKey, partition: str | None) -> None:
        """Let a decision count no longer: its slot is made, or its refusal noted."""
        if self._asked.pop((asset, partition), None) is not None:
            self._environment.catalog.approvals.spend(asset, partition)

    def _new(self, slot: SlotName, fingerprint: str) -> ApprovalRecord:
        return ApprovalRecord(
            run_id=self._run_id,
            asset=slot.asset,
            partition=slot.partition,
            fingerprint=fingerprint,
            asked_at=self._environment.clock(),
        )

    def _decided(self, mine: ApprovalRecord) -> ApprovalRecord:
        """Return a request as it stands by now."""
        if monotonic() >= self.next_look:
            self._look()
        for one in self._found:
            if one.status is not ApprovalStatus.AWAITING and one.is_about(mine):
                return one
        return mine

    def _look(self) -> None:
        found = tuple(self._environment.catalog.approvals.find(unspent=True))
        still = found == self._found
        self._found = found
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE) if still else _FIRST_PAUSE
        self.next_look = monotonic() + self._pause

    def _ask(self, mine: ApprovalRecord) -> None:
        self._environment.catalog.approvals.ask([mine])
        self._environment.progress.notify(
            ApprovalAsked(
                run_id=mine.run_id, asset=mine.asset, partition=mine.partition, at=mine.asked_at
            )
        )


def _refusal(refused: ApprovalRecord) -> str:
    name = slot_name(refused.asset, refused.partition)
    note = f": {refused.note}" if refused.note else ""
    return f"{name} was rejected by {refused.decided_by or 'somebody'}{note}. It was not run."
