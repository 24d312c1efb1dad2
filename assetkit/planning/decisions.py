"""What automation decided about assets, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assetkit.display.quantities import count_text, moment_text
from assetkit.records import AssetKey


class Outcome(StrEnum):
    """What automation does about some slots of an asset."""

    LAUNCH = "launch"
    FRESH = "fresh"
    NOT_DUE = "not_due"
    WAITING = "waiting"
    RUNNING = "running"
    OUT_OF_SCOPE = "out_of_scope"
    CODE_CHANGED = "code_changed"
    TOO_MANY = "too_many"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    HELD = "held"


NEEDS_A_PERSON = (Outcome.TOO_MANY, Outcome.QUARANTINED, Outcome.REFUSED, Outcome.HELD)
"""What goes on only when somebody does something about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done about some slots of one asset, and why.

    ``partitions`` are their compressed ranges as text, empty for an asset without
    partitions; ``slots`` how many they are. ``due``: when time alone changes the
    decision, None where it does not.
    """

    asset: AssetKey
    outcome: Outcome
    reason: str
    partitions: str = ""
    slots: int = 0
    due: datetime | None = None

    def __str__(self) -> str:
        """Say it in one line.

        >>> print(Decision(asset="raw", outcome=Outcome.LAUNCH, reason="never built", slots=1))
        raw: launch, never built
        """
        where = f"{self.asset}@{self.partitions}" if self.partitions else self.asset
        is_counted = self.slots > 1 and not self.partitions
        many = f" ({count_text(self.slots, 'partition')})" if is_counted else ""
        due = f", due {moment_text(self.due)}" if self.due is not None else ""
        return f"{where}{many}: {self.outcome.replace('_', ' ')}, {self.reason}{due}"


def decisions_text(decisions: Sequence[Decision]) -> str:
    """Return decisions as lines; what is fresh is only counted."""
    told = [one for one in decisions if one.outcome is not Outcome.FRESH]
    fresh = len(decisions) - len(told)
    lines = [f"  {one}" for one in told]
    if fresh:
        lines.append(f"  {count_text(fresh, 'asset')} with nothing to do")
    return "\n".join(["Automation:", *lines]) if lines else ""


def nothing_text(now: datetime) -> str:
    """Say that automation would launch nothing."""
    return f"Nothing to launch (as of {moment_text(now)})."
