"""How a slot was made: of what, by which run, where it lies; and whose columns are others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from assetkit.display.quantities import count_text, duration_text
from assetkit.errors import AssetkitError
from assetkit.execution.drifting import differences
from assetkit.execution.provenance import materialization_from_record
from assetkit.records import AssetKey, InputUse, Materialization, slot_name
from assetkit.web.desk import Desk, Standing
from assetkit.workspace.data import known_assets, manager_of, source_of

_NAMED = 8
_SOME = 3
"""Builds that a usual duration is told from, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedInput:
    """What a slot was made from of one asset: its partitions, with the versions that they had."""

    asset: AssetKey
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a slot was made. ``took`` compares with the other builds; ``path`` is its file, if any.

    ``step`` names it in the pages of its run.
    """

    run_id: str
    step: str
    version: str
    took: str
    attempt: int
    path: str
    inputs: Sequence[UsedInput]


def made_of(
    desk: Desk, key: AssetKey, row: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> Made | None:
    """Return how the slot that a row of the history names was made, beside other builds of the
    asset; None where it is not published here.
    """
    chosen = np.array([row["ordinal"]], dtype=np.int64)
    made = next(iter(desk.core.catalog.published(key, chosen)), None)
    if made is None:
        return None
    path, inputs = _of_the_file(desk, made)
    return Made(
        run_id=made.run_id,
        step=slot_name(key, row["partition"]),
        version=made.data_version,
        took=_took(made, history),
        attempt=made.attempt,
        path=path,
        inputs=[UsedInput(asset=one.asset, words=_versions(one)) for one in inputs],
    )


def _took(made: Materialization, history: Sequence[Mapping[str, Any]]) -> str:
    durations = [one["duration"] for one in history if one["duration"] is not None]
    usual = f", usually {duration_text(median(durations))}" if len(durations) >= _SOME else ""
    return f"{duration_text(made.duration)}{usual}"


def _of_the_file(desk: Desk, made: Materialization) -> tuple[str, Sequence[InputUse]]:
    """Return where a slot lies, and its inputs with the versions that its own record names.

    The catalog only keeps how many there were; there is no path where data is not in files.
    """
    known = known_assets(desk.core).get(made.asset)
    if known is None:
        return "", made.inputs
    source = source_of(desk.core, known, made)
    path, inputs = "", made.inputs
    with suppress(AssetkitError, AttributeError, OSError):  # other managers keep data otherwise
        manager = manager_of(desk.core, known, made.asset)
        path = str(manager.path_of(source))
        stored = manager.find(source)
        recorded = None if stored is None else materialization_from_record(stored)
        if recorded is not None and recorded.run_id == made.run_id:
            inputs = recorded.inputs
    return path, inputs


def _versions(used: InputUse) -> str:
    named = [f"{key or 'all of it'} ({version[:8]})" for key, version in used.versions[:_NAMED]]
    more = used.count - len(named)
    if not named:
        return count_text(used.count, "slot")
    return ", ".join([*named, *([f"and {more:,} more"] if more > 0 else [])])


def drifted(desk: Desk, standing: Standing | None, key: AssetKey) -> list[str]:
    """Say how columns of older partitions differ from those made last, where they do."""
    columns = standing.plan.snapshot.columns(key) if standing else None
    if standing is None or columns is None or len(columns) < 2:
        return []
    newest = int(columns.basis[int(np.argmax(columns.materialized_at))])
    bases = standing.plan.snapshot.bases
    schemas = {
        number: desk.core.catalog.columns_of(key, bases[number])
        for number in np.unique(columns.basis).tolist()
        if number in bases
    }
    now = schemas.get(newest)
    told: dict[str, int] = {}
    for number, then in schemas.items():
        if number != newest and now is not None and then is not None:
            for line in differences(then, now):
                told[line] = told.get(line, 0) + int((columns.basis == number).sum())
    return [f"{line} in {count_text(count, 'partition')}" for line, count in told.items()]
