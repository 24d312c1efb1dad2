"""The parts of a `Plan`: columns per asset, and steps made from them where they are shown or run.

Rule 1: a plan is a value: it holds what the planner decided and nothing that acts.
Rule 2: steps are made on demand, so that a plan of millions of slots stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags, Ints, Words
from assetkit.records import AssetKey, PartitionKey, Verdict


class Cause(str):
    """Why a slot is stale, as text (``"code"``, ``"input flights"``, ``"upstream flights"``, ...).

    ``kind`` is ``code``, ``config``, ``input``, ``upstream``, ``schema``,
    ``definition``, ``forced`` or ``with``; ``upstream`` the asset of an ``input`` or
    ``upstream`` cause, or the one ``with`` which it is made; ``detail`` says more, in words.

    >>> Cause("input", upstream="flights")
    'input flights'
    """

    __slots__ = ("detail", "kind", "upstream")
    kind: str
    upstream: AssetKey | None
    detail: str

    def __new__(cls, kind: str, *, upstream: AssetKey | None = None, detail: str = "") -> Self:
        cause = super().__new__(cls, kind if upstream is None else f"{kind} {upstream}")
        cause.kind, cause.upstream, cause.detail = kind, upstream, detail
        return cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One slot to build. ``index`` is its place in the plan; ``maybe``: only if an upstream's
    output changes.
    """

    index: int
    asset: AssetKey
    partition: PartitionKey | None
    verdict: Verdict
    causes: tuple[Cause, ...]
    maybe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSummary:
    """One asset's line of a plan.

    ``partitions`` are the compressed ranges of the slots to run, as text.
    ``causes`` counts slots per cause (and ``missing``, or ``gone`` where the catalog
    knows a slot whose file is not there). ``seconds``, ``rows`` and ``bytes`` are
    expectations from history, None without one. ``orphans`` counts published slots
    that the definition has no place for any more.
    """

    asset: AssetKey
    run: int
    maybe: int
    fresh: int
    blocked: int
    quarantined: int
    running: int
    partitions: str
    causes: tuple[tuple[str, int], ...]
    seconds: float | None
    rows: float | None
    bytes: float | None
    orphans: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """A plan in numbers: one line per asset in plan order, and the totals."""

    assets: Sequence[AssetSummary]
    run: int
    maybe: int
    fresh: int
    blocked: int
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPlan:
    """What was decided for the slots of one asset: parallel columns, by ascending position.

    ``verdict`` holds indices into `VERDICTS`. Bit ``i`` of ``causes`` stands for
    ``cause_table[i]``. ``run``: the slot is to be built; ``maybe``: only if an
    upstream that runs before it comes out changed (the runner decides then).
    """

    asset: AssetKey
    positions: Ints
    verdict: NDArray[np.int8]
    causes: Words
    cause_table: tuple[Cause, ...]
    run: Flags
    maybe: Flags


VERDICTS = tuple(Verdict)
