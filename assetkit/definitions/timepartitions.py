"""What definitions by time have in common: a range, a zone, and which windows exist by now."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import KW_ONLY, dataclass, fields
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from math import ceil, gcd
from typing import Any, ClassVar, cast
from zoneinfo import ZoneInfo

import numpy as np

from assetkit.columns import empty_ints
from assetkit.definitions.calendar import TickPattern, ticks_between, ticks_past
from assetkit.definitions.crontab import check_timezone
from assetkit.definitions.durations import seconds_of
from assetkit.definitions.exclusion import (
    Exclude,
    ReadExclude,
    asked_count,
    exclude_text,
    excluded_ticks,
    is_left_out,
    read_exclude,
)
from assetkit.definitions.names import invalid
from assetkit.definitions.numbering import MomentNumbers, Numbering
from assetkit.definitions.scheme import (
    NO_DYNAMIC_KEYS,
    DynamicKeys,
    PartitionsDefinition,
    check_dimension,
    check_now,
)
from assetkit.definitions.timekeys import KeyShape, Unit, read_span
from assetkit.definitions.timeline import Timeline
from assetkit.definitions.universe import TimeWindow
from assetkit.definitions.windows import NO_OFFSET, Ticks
from assetkit.definitions.zones import (
    DAY,
    When,
    datetime_at,
    moment_of,
    moment_of_wall,
    offset_at,
    offset_step,
    utc_now,
    wall_datetime,
    wall_of,
)
from assetkit.errors import InvalidArgument, UnknownPartition
from assetkit.records import PartitionKey

_ALLOWED_TIME = "text such as '2026-01-31' or '2026-01-31T06:00', a date or a datetime"


@dataclass(frozen=True, repr=False)
class TimePartitions(PartitionsDefinition):
    """Windows of time; see `DailyPartitions` for the arguments."""

    start: When
    end: When | None = None
    _: KW_ONLY
    timezone: str = "UTC"
    end_offset: int = 0
    available_after: Any = None
    exclude: Exclude = None
    dimension: str = "partition"
    key_format: str | None = None

    kind: ClassVar[str]

    @abstractmethod
    def _pattern(self) -> TickPattern:
        """Return when windows begin."""

    @abstractmethod
    def _unit(self) -> Unit:
        """Return the smallest part that keys show."""

    def _check(self) -> None:
        """Refuse arguments of the subclass that do not do."""

    def __post_init__(self) -> None:
        check_timezone(self.timezone, owner=self._owner)
        check_dimension(self.dimension, owner=self._owner)
        self._set("start", self._read_time("start", self.start))
        if self.end is not None:
            self._set("end", self._read_time("end", self.end))
            if self.end <= self.start:  # type: ignore[operator]
                raise invalid(self._owner, "end", str(self.end), f"a time after {self.start}")
        if isinstance(self.end_offset, bool) or not isinstance(self.end_offset, int):
            raise invalid(self._owner, "end_offset", self.end_offset, "a whole number of windows")
        if self.available_after is not None:
            after = seconds_of(
                self.available_after, owner=self._owner, argument="available_after", zero=True
            )
            self._set("available_after", after or None)
        self._set("exclude", read_exclude(self.exclude, owner=self._owner))
        self._check()
        self._check_ticks()

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.dimension,)

    @property
    def layout(self) -> str:
        key_format = f" {self.key_format}" if self.key_format else ""
        return f"{self.numbering.layout}{key_format}"

    @property
    def meaning(self) -> str:
        pattern = {k: v for k, v in self.facts().items() if k in self._pattern_names()}
        return f"{self.kind} {pattern}"

    @cached_property
    def pattern(self) -> TickPattern:
        """When windows begin."""
        return self._pattern()

    @cached_property
    def shape(self) -> KeyShape:
        """How keys are written."""
        return KeyShape(self._unit(), self.key_format)

    @cached_property
    def numbering(self) -> Numbering:
        """How ordinals are given out."""
        return self._numbering(self.pattern)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def universe(self, now: datetime, dynamic: DynamicKeys = NO_DYNAMIC_KEYS) -> Timeline:
        until = check_now(now) - timedelta(seconds=self.available_after or 0)
        moment = moment_of(until)
        ticks = self._ticks(moment)
        begun = ticks.before_moment(moment_of(now) + 1)
        ended = max(ticks.before_moment(moment + 1) - 1, 0) + self.end_offset
        while ended >= len(ticks) - 1 and len(more := self._ticks(ticks.moment(-1))) > len(ticks):
            ticks = more
        last = self._last(ticks)
        ended = min(max(ended, 0), last)
        asked = asked_count(self._left_out, max(begun, ended), last)
        excluded = excluded_ticks(self._left_out, self.timezone, ticks, asked)
        return Timeline(
            definition=self,
            ticks=ticks,
            ended=ended,
            last=last,
            excluded=excluded,
            more_at=self._more_at(ticks, moment) if ended < last else None,
        )

    def window(self, key: PartitionKey | date) -> TimeWindow:
        key = self.key_at(key) if isinstance(key, date) else key
        span = self.shape.span(key) if isinstance(key, str) else None
        if span is None or not isinstance(key, str):
            raise self.universe(utc_now()).unknown(key)
        timeline = self._reaching(span.end + 2 * DAY)
        index = timeline.index_of(key)
        if not 0 <= index < timeline.last or self._leaves_out(timeline.ticks.moment(index)):
            raise self.universe(utc_now()).unknown(key)
        return timeline.window_of(index)

    def key_at(self, when: When) -> str:
        moment = moment_of(self._read_time("when", when))
        timeline = self._reaching(moment)
        index = timeline.index_at(moment)
        if not 0 <= index < timeline.last or self._leaves_out(timeline.ticks.moment(index)):
            raise UnknownPartition(f"{self!r} has no window that covers {when}.")
        return timeline.key_of(index)

    def describe(self) -> str:
        end = f"..{_time_text(self.end)}" if self.end is not None else " on"
        left_out = "" if self.exclude is None else ", some excluded"
        return f"{self.kind} from {_time_text(self.start)}{end}, {self.timezone}{left_out}"

    def __repr__(self) -> str:
        given = [repr(_time_text(self.start))]
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if value != field.default and field.name != "cron":
                shown = _time_text(value) if isinstance(value, datetime) else value
                given.append(f"{field.name}={shown!r}")
        return f"{type(self).__name__}({', '.join(given)})"

    @property
    def _owner(self) -> str:
        return type(self).__name__

    @property
    def _left_out(self) -> ReadExclude:
        return cast(ReadExclude, self.exclude)

    @property
    def _first(self) -> int:
        start: datetime = self.start  # type: ignore[assignment]
        return moment_of(start + timedelta(microseconds=999_999))

    def facts(self) -> dict[str, Any]:
        facts = {field.name: getattr(self, field.name) for field in fields(self)}
        facts |= {"kind": self.kind, "exclude": exclude_text(self._left_out)}
        facts["start"] = _time_text(self.start)
        facts["end"] = None if self.end is None else _time_text(self.end)
        return facts

    def _pattern_names(self) -> set[str]:
        common = {"start", "end", "end_offset", "available_after", "exclude", "dimension"}
        return {field.name for field in fields(self)} - common - {"key_format"}

    def _numbering(self, pattern: TickPattern) -> Numbering:
        """Return numbers for a pattern of every hour: equal steps of UTC."""
        since = min(1970, datetime_at(self._first, self.zone).year - 1)
        step = gcd(pattern.hour_step(), offset_step(self.timezone, since))
        phase = (pattern.seconds[0] - offset_at(self._first, self.zone)) % step
        return MomentNumbers(step, phase, self.timezone)

    def _ticks(self, moment: int) -> Ticks:
        """Return all ticks up to a good while after a moment."""
        moment = min(max(moment, self._first), _LAST_MOMENT)
        ticks = ticks_past(self.pattern, self.timezone, self._first, moment)
        if ticks is None:  # the pattern ends by itself, with a year
            year = datetime_at(moment, self.zone).year
            ticks = ticks_between(self.pattern, self.timezone, self._first, year)
        return ticks

    def _more_at(self, ticks: Ticks, moment: int) -> int:
        """Return when the next window will have ended (and, with a delay, is available)."""
        at = max(ticks.before_moment(moment + 1), 1)
        return ticks.moment(min(at, len(ticks) - 1)) + ceil(self.available_after or 0)

    def _last(self, ticks: Ticks) -> int:
        """Return how many windows there are at most, as far as *ticks* go."""
        last = len(ticks) - 1
        if isinstance(self.end, datetime):
            last = min(last, ticks.before_moment(moment_of(self.end) + 1) - 1)
        return max(last, 0)

    def _reaching(self, moment: int) -> Timeline:
        """Return all windows up to a moment, and beyond; as if none was excluded."""
        ticks = self._ticks(moment)
        last = self._last(ticks)
        return Timeline(definition=self, ticks=ticks, ended=last, last=last, excluded=empty_ints())

    def _leaves_out(self, moment: int) -> bool:
        """Say whether the window that starts at a moment is excluded."""
        return self.exclude is not None and is_left_out(self._left_out, self.zone, moment)

    def _read_time(self, argument: str, when: When) -> datetime:
        """Return a moment as a datetime of the zone."""
        read = _read_text(when) if isinstance(when, str) else when
        if isinstance(read, date) and not isinstance(read, datetime):
            read = datetime(read.year, read.month, read.day)  # noqa: DTZ001  in the zone, below
        if not isinstance(read, datetime):
            raise invalid(self._owner, argument, when, _ALLOWED_TIME)
        if not 2 <= read.year <= 9900:
            raise invalid(self._owner, argument, when, "a year from 2 to 9900")
        if read.utcoffset() is not None:
            return read.astimezone(self.zone)
        moment = moment_of_wall(wall_of(read), self.zone)
        return datetime_at(moment, self.zone) + timedelta(microseconds=read.microsecond)

    def _check_range(self, argument: str, least: int, most: int, hint: str = "") -> None:
        value = getattr(self, argument)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise invalid(self._owner, argument, value, f"{least} to {most}{hint}")

    def _check_ticks(self) -> None:
        """Refuse a pattern that never recurs, and keys that do not tell windows apart."""
        ticks = self._ticks(self._first)
        if len(ticks) < 2:
            raise InvalidArgument(f"{self!r} has no window: its times never recur.")
        if self.key_format is None:
            return
        sample = np.unique(np.geomspace(1, len(ticks), 500).astype(np.int64)) - 1
        sample = np.union1d(sample, np.arange(min(len(ticks), 500)))
        walls = np.unique(ticks.walls(sample))
        keys = self.shape.texts(walls, np.full(len(walls), NO_OFFSET))
        if any(a >= b for a, b in pairwise(keys)) or any(
            self.shape.read(key) is None for key in (keys[0], keys[-1])
        ):
            allowed = "a strftime format that tells windows apart and sorts as time does, largest "
            raise invalid(self._owner, "key_format", self.key_format, allowed + "part first")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


_LAST_MOMENT = 9_900 * 365 * DAY - 1_970 * 366 * DAY


def _read_text(text: str) -> datetime | None:
    if (span := read_span(text)) and span.offset == NO_OFFSET:
        return wall_datetime(span.first)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _time_text(when: Any) -> str:
    """Return a start or end as it would be written: no time where it is midnight."""
    return str(when.replace(tzinfo=None).isoformat()).removesuffix("T00:00:00")
