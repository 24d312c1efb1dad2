"""The frame of `Workspace.status`: what is there, and how it stands to what is promised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

import pandas as pd

from assetkit.definitions.scheme import check_now
from assetkit.display.glyphs import glyph
from assetkit.display.html import Html, element, html_table, tone_mark, view
from assetkit.display.quantities import duration_text, moment_text
from assetkit.planning.decisions import Decision, Outcome
from assetkit.planning.freshness import Freshness
from assetkit.workspace import frames
from assetkit.workspace.board import PROMISE, Board, graph_seen, promise_history, read_board
from assetkit.workspace.core import Core

_PROMISES = ("status", "lag", "max_lag", "deadline", "why", "held")
_HISTORY = ("asset", "at", "status", "reason")
_COUNTS = ("slots", "partial", "failing", "failed_checks", "warnings")
_TITLES = ("", "asset", "promise", "lag", "partitions", "built", "why")


class StatusFrame(pd.DataFrame):
    """A frame of assets that shows itself in notebooks as a board."""

    _metadata: ClassVar[list[str]] = ["board"]
    board: Board | None = None

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        rows = [self._row(row) for row in self.itertuples(index=False)]
        head = "Nothing is materialized yet." if not rows else ""
        if self.board is not None:
            head = self.board.sentence
        return view(element("p", head, class_="head") if head else "", html_table(_TITLES, rows))

    def _row(self, row: Any) -> tuple[Html | str, ...]:
        state = row.status if isinstance(row.status, str) else ""
        held = row.held if isinstance(row.held, str) else ""
        mark = state or ("held" if held else "failed" if row.failing else "materialized")
        why = "; ".join(text for text in (row.why, held) if isinstance(text, str) and text)
        built = "" if pd.isna(row.materialized_at) else moment_text(row.materialized_at)
        return (
            tone_mark(mark, glyph(mark)),
            str(row.asset),
            state,
            lag_text(row.lag, row.max_lag) if state else "",
            f"{int(row.slots):,}",
            built,
            why,
        )


def lag_text(lag: Any, max_lag: Any) -> str:
    """Say how far behind an asset is, and how far it may be.

    >>> lag_text(pd.Timedelta("90min"), pd.Timedelta("8h"))
    '1 h 30 min of 8 h'
    """
    most = duration_text(max_lag.total_seconds())
    if lag is None or pd.isna(lag):
        return f"never built, {most} promised"
    return f"{duration_text(lag.total_seconds())} of {most}"


def status(
    core: Core, definitions: Any, names: Mapping[str, Any], now: datetime | None
) -> StatusFrame:
    """Return one row per asset, for a caller that gives definitions or sees *names*."""
    graph = graph_seen(definitions, names)
    now = None if now is None else check_now(now)
    board = None if graph is None else read_board(core, graph, now=now)
    return with_promises(frames.status(core), board)


def with_promises(known: pd.DataFrame, board: Board | None) -> StatusFrame:
    """Add to the assets known how they stand to their promises, and those never built."""
    statuses = {} if board is None else board.statuses
    held = {} if board is None else board.held
    known = _with_absent(known, sorted((statuses.keys() | held.keys()) - set(known.asset)))
    rows = [_promise(statuses.get(key), held.get(key)) for key in known.asset]
    told = pd.DataFrame(rows, columns=list(_PROMISES), index=known.index)
    for name in ("lag", "max_lag"):
        told[name] = pd.to_timedelta(told[name].astype("float64"), unit="s")
    told["deadline"] = pd.to_datetime(told["deadline"], utc=True)
    times = [
        statuses[key].data_time if key in statuses else time
        for key, time in zip(known.asset, known.data_time, strict=True)
    ]
    known = known.assign(data_time=pd.to_datetime(pd.Series(times, index=known.index), utc=True))
    frame = StatusFrame(pd.concat([known, told], axis=1))
    frame.board = board
    return frame


def _with_absent(known: pd.DataFrame, absent: list[str]) -> pd.DataFrame:
    if not absent:
        return known
    there = len(known)
    known = known.reindex(range(there + len(absent)))
    known.loc[there:, "asset"] = absent
    counts = [name for name in _COUNTS if name in known]
    known[counts] = known[counts].fillna(0).astype("int64")
    return known.sort_values("asset", ignore_index=True)


def _promise(status: Freshness | None, held: Decision | None) -> tuple[Any, ...]:
    waits = None
    if held is not None:
        is_said = held.outcome is Outcome.HELD  # by the reason itself
        waits = held.reason if is_said else f"{held.outcome.replace('_', ' ')}: {held.reason}"
    if status is None:
        return (None, None, None, None, None, waits)
    why = status.reason or None
    return (status.status.value, status.lag, status.max_lag, status.deadline, why, waits)


def freshness(core: Core, asset: Any) -> pd.DataFrame:
    """Return when promises were broken and kept again, newest first."""
    key = None if asset is None else str(getattr(asset, "key", asset))
    rows = [
        (one.source.removeprefix(PROMISE), one.instant, *_split(one.message))
        for one in promise_history(core, key)
    ]
    return pd.DataFrame(rows, columns=list(_HISTORY))


def _split(message: str) -> tuple[str, str]:
    status, _, reason = message.partition(": ")
    return status, reason
