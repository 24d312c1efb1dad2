"""The windows of one time definition that exist at one moment.

Rule 1: windows are numbered three ways: by tick (all there could be), by
position (those that are not excluded), by ordinal (see `numbering`).
Rule 2: a mapping may ask beyond the present: positions from `len` up to `limit`
belong to the definition and have not ended yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from assetkit.columns import Ints, Words
from assetkit.definitions.numbering import Numbering
from assetkit.definitions.selecting import date_text, select
from assetkit.definitions.timekeys import KeyShape, WallSpan
from assetkit.definitions.universe import Fan, TimeWindow
from assetkit.definitions.windows import NO_OFFSET, Ticks
from assetkit.definitions.zones import datetime_at, moment_of_wall
from assetkit.errors import UnknownPartition
from assetkit.records import PartitionKey


class TimeDefinition(Protocol):
    """What a timeline asks of its definition."""

    @property
    def dimensions(self) -> tuple[str, ...]: ...

    @property
    def zone(self) -> ZoneInfo: ...

    @property
    def shape(self) -> KeyShape: ...

    @property
    def numbering(self) -> Numbering: ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Timeline:
    """Windows ``0 .. ended-1`` of *ticks* have ended, up to ``last`` there will be; a `Universe`.

    ``excluded`` are indices of ticks, sorted; ``more_at`` as `Universe` has it.
    """

    definition: TimeDefinition
    ticks: Ticks
    ended: int
    last: int
    excluded: Ints
    more_at: int | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        return self.definition.dimensions

    @property
    def zone(self) -> ZoneInfo:
        return self.definition.zone

    @property
    def limit(self) -> int:
        """How many windows the definition has as far as its end is known, ended or not."""
        return int(self.kept_before(np.array([self.last]))[0])

    def __len__(self) -> int:
        return self.ended - int(np.searchsorted(self.excluded, self.ended))

    def key(self, position: int) -> str:
        return self.key_of(self.index(position))

    def texts(self, positions: Ints) -> list[str]:
        return self._texts(self.indices(positions))

    def parts(self, position: int) -> tuple[tuple[str, str], ...]:
        return ((self.dimensions[0], self.key(position)),)

    def window(self, position: int) -> TimeWindow:
        return self.window_of(self.index(position))

    def starts(self, positions: Ints) -> Ints:
        """Return the first moments of windows, in seconds since 1970 UTC."""
        return self.ticks.moments(self.indices(positions))

    def stops(self, positions: Ints) -> Ints:
        """Return the moments at which windows end, in seconds since 1970 UTC."""
        return self.ticks.moments(self.indices(positions) + 1)

    def ends(self, positions: Ints) -> Ints:
        return self.stops(positions) * 1_000_000

    def begins(self, positions: Ints) -> Ints:
        return self.starts(positions) * 1_000_000

    def ordinals(self, positions: Ints) -> Ints:
        return self.definition.numbering.of(self.ticks, self.indices(positions))

    def positions(self, ordinals: Ints) -> Ints:
        numbering = self.definition.numbering
        known = np.clip(ordinals, -1, numbering.capacity)  # what is no ordinal must not overflow
        return self._existing(numbering.find(self.ticks, known))

    def ordinals_of_texts(self, texts: Sequence[str | None]) -> Ints:
        indices = self._indices_of_texts(texts)
        known = (indices >= 0) & (indices < self.last) & ~np.isin(indices, self.excluded)
        if not known.any():
            return np.full(len(texts), -1, dtype=np.int64)
        return np.where(known, self.definition.numbering.of(self.ticks, np.maximum(indices, 0)), -1)

    def stable_ids(self, positions: Ints) -> Words:
        return self.starts(positions).view(np.uint64)

    def position(self, key: PartitionKey | None) -> int:
        found = self.find(key)
        if found < 0:
            raise self.unknown(key)
        return found

    def find(self, key: PartitionKey | date | None) -> int:
        """Return where a key is, -1 where it is not; a date or time is that of a window's start."""
        if isinstance(key, date):
            lo, hi = self.stretch(date_text(key, self.zone)) or (0, 0)
            return lo if hi - lo == 1 else -1
        if not isinstance(key, str):
            return -1
        index = self.index_of(key)
        if index < 0 or index >= self.ended or self.is_excluded(index):
            return -1
        return index - int(np.searchsorted(self.excluded, index))

    def select(self, selection: Any) -> Ints:
        return select(self, selection)

    def indices(self, positions: Ints) -> Ints:
        """Return the indices of the ticks at which windows start."""
        if not len(self.excluded):
            return positions
        gaps = self.excluded - np.arange(len(self.excluded))
        return positions + np.searchsorted(gaps, positions, "right")

    def index(self, position: int) -> int:
        """Return the index of the tick at which one window starts."""
        if not len(self.excluded):
            return position
        return int(self.indices(np.array([position], dtype=np.int64))[0])

    def kept_before(self, indices: Ints) -> Ints:
        """Return how many windows that are not excluded start before ticks, given by index."""
        if not len(self.excluded):
            return indices
        return indices - np.searchsorted(self.excluded, indices)

    def started_before(self, moments: Ints) -> Ints:
        """Return how many windows start before each moment, ended or not."""
        return self.kept_before(self.ticks.before(moments))

    def present(self, lo: Ints, hi: Ints) -> Fan:
        """Return windows given by position, of those that will be, as the part that there is now.

        Marked late where the rest belongs to the definition and has not ended.
        """
        size = len(self)
        if not len(hi) or int(hi.max()) <= size:
            return Fan(np.minimum(lo, hi), hi)
        limit = self.limit
        late = np.minimum(hi, limit) > np.maximum(lo, size)
        lo = np.minimum(lo, size)
        return Fan(lo, np.maximum(lo, np.minimum(hi, size)), None, late if late.any() else None)

    def stretch(self, text: str) -> tuple[int, int] | None:
        span = self.span(text)
        if span is None:
            return None
        lo, hi = self._present_in(span)
        return (lo, hi) if lo < hi else None

    def range_end(self, text: str) -> tuple[int, int]:
        span = self.span(text)
        if span is None or not self.ended:
            raise self.unknown(text)
        first, end = self._moments(span)
        if end <= self.ticks.moment(0) or first >= self.ticks.moment(self.ended):
            raise self.unknown(text)
        return self._present_in(span)

    def starting_in(self, span: WallSpan) -> tuple[int, int]:
        """Return the positions (first, end) of the windows that start in a span, ended or not."""
        lo, hi = self.started_before(np.array(self._moments(span), dtype=np.int64)).tolist()
        return lo, hi

    def may_lack(self, text: str) -> bool:
        """Say whether a key that names no window is one all the same: out of range, or excluded."""
        index, span = self.index_of(text), self.span(text)
        if index >= 0 or span is None or not len(self.ticks):
            return index >= self.last or self.is_excluded(index)
        first, end = self._moments(span)
        return end <= self.ticks.moment(0) or first >= self.ticks.moment(self.last)

    def newest(self, count: int) -> Ints:
        return np.arange(max(len(self) - count, 0), len(self), dtype=np.int64)

    def by_dimension(self, selections: Mapping[str, Any]) -> Ints:
        return select(self, selections.get(self.dimensions[0], "all"))

    def span(self, text: str) -> WallSpan | None:
        """Return the wall times that a key or part of one stands for, None where it is none."""
        return self.definition.shape.span(text)

    def index_of(self, key: str) -> int:
        """Return the index of the tick that a key names, ended or not; -1 where it names none."""
        read = self.definition.shape.read(key)
        if read is None or not len(self.ticks):
            return -1
        # A key may show less than its window's first wall time: look for the next, and compare.
        index = self.ticks.named(*read)
        return index if index is not None and self.key_of(index) == key else -1

    def index_at(self, moment: int) -> int:
        """Return the index of the window that a moment lies in; -1 before the first."""
        return self.ticks.before_moment(moment + 1) - 1

    def is_excluded(self, index: int) -> bool:
        """Say whether the window at a tick is left out."""
        place = int(np.searchsorted(self.excluded, index))
        return place < len(self.excluded) and int(self.excluded[place]) == index

    def window_of(self, index: int) -> TimeWindow:
        """Return the window that starts at a tick."""
        return TimeWindow(
            datetime_at(self.ticks.moment(index), self.definition.zone),
            datetime_at(self.ticks.moment(index + 1), self.definition.zone),
        )

    def key_of(self, index: int) -> str:
        """Return the key of the window that starts at a tick."""
        tick = self.ticks.at(index)
        return self.definition.shape.text(tick.wall, tick.offset)

    def unknown(self, key: object) -> UnknownPartition:
        """Return the error for a key that does not exist: why, and which are near."""
        return UnknownPartition(
            f"{self.definition!r} has no partition {str(key)!r}{self._why(str(key))}"
        )

    def _why(self, key: str) -> str:
        index = self.index_of(key)
        if index >= 0 and self.is_excluded(index):
            return f": it is excluded. {self._near(index)}"
        if self.ended <= index < self.last:
            end = self.window_of(index).end
            return f" yet: its window ends at {end.isoformat()}. {self._extent()}"
        if index >= self.last:
            return f": it ends there. {self._extent()}"
        span = self.span(key)
        if span is None:
            return f": keys look like {self.key_of(0)}. {self._extent()}"
        if not len(self.ticks) or span.end <= int(self.ticks.walls(np.array([0]))[0]):
            return f": it begins later. {self._extent()}"
        inside = self.index_at(self._moments(span)[0])
        return f". {self._near(inside) if inside < self.ended else self._extent()}"

    def _near(self, index: int) -> str:
        """Return a sentence with the existing keys around a tick."""
        size = len(self)
        at = int(self.kept_before(np.array([max(index, 0)]))[0])
        near = [self.key(p) for p in range(max(at - 1, 0), min(at + 2, size))]
        return f"The nearest are {', '.join(near)}." if near else self._extent()

    def _extent(self) -> str:
        size = len(self)
        if not size:
            return "No partition exists yet."
        return f"There are {self.key(0)}..{self.key(size - 1)} ({size:,})."

    def _present_in(self, span: WallSpan) -> tuple[int, int]:
        """Return the existing windows that start in a span of wall times."""
        lo, hi = self.starting_in(span)
        return min(lo, len(self)), min(hi, len(self))

    def _moments(self, span: WallSpan) -> tuple[int, int]:
        if span.offset != NO_OFFSET:
            return span.first - span.offset, span.end - span.offset
        return moment_of_wall(span.first, self.definition.zone), moment_of_wall(
            span.end, self.definition.zone
        )

    def _texts(self, indices: Ints) -> list[str]:
        return self.definition.shape.texts(self.ticks.walls(indices), self.ticks.offsets(indices))

    def _indices_of_texts(self, texts: Sequence[str | None]) -> Ints:
        found = np.full(len(texts), -1, dtype=np.int64)
        if not len(self.ticks):
            return found
        shape = self.definition.shape
        plain, walls = shape.read_plain(texts)
        if len(plain):
            indices = self.ticks.from_walls(walls)
            fits = shape.shown(self.ticks.walls(indices)) == walls
            fits &= self.ticks.offsets(indices) == NO_OFFSET
            found[plain[fits]] = indices[fits]
        for place in np.setdiff1d(np.arange(len(texts)), plain).tolist():
            text = texts[place]
            found[place] = -1 if text is None else self.index_of(text)
        return found

    def _existing(self, indices: Ints) -> Ints:
        """Return the positions of ticks given by index (or -1): -1 where no window exists now."""
        there = (indices >= 0) & (indices < self.ended)
        if len(self.excluded):
            there &= ~np.isin(indices, self.excluded)
        return np.where(there, self.kept_before(indices), -1)
