"""Mappings against their plain meaning: one slot at a time, key by key."""

from dataclasses import fields
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit import AssetIn, asset, plan
from assetkit.definitions.mappings import as_mapping, check_mapping, infer_mapping
from assetkit.definitions.partitions import (
    CronPartitions,
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    MultiPartitions,
    StaticPartitions,
    WeeklyPartitions,
)
from assetkit.definitions.universe import Unpartitioned
from assetkit.errors import (
    InvalidArgument,
    InvalidSelection,
    PartitionMappingError,
    UnknownPartition,
)
from assetkit.graph.build import build_graph
from assetkit.mappings import (
    all_partitions,
    as_of,
    by_dimension,
    by_key,
    identity,
    latest,
    specific,
    window,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAYS = DailyPartitions("2026-11-01")
REGIONS = StaticPartitions(["us", "eu", "asia"])
TIMES = [
    DailyPartitions("2026-10-20"),
    DailyPartitions("2026-10-25", "2026-11-10"),
    DailyPartitions("2026-10-20", timezone="America/New_York"),
    DailyPartitions("2026-10-20", exclude=lambda start: start.weekday() > 4),
    DailyPartitions("2026-11-10", hour_offset=6, end_offset=1),
    DailyPartitions("2026-11-01", available_after="5d"),
    HourlyPartitions("2026-10-31", "2026-11-03", timezone="America/New_York"),
    WeeklyPartitions("2026-10-01"),
    MonthlyPartitions("2026-08-01", timezone="Europe/Berlin"),
    CronPartitions("0 6,18 * * *", "2026-11-01"),
]


def windows_of(universe, count):
    """Return the windows of the first positions, in seconds."""
    windows = [universe.window(position) for position in range(count)]
    return [(window.start.timestamp(), window.end.timestamp()) for window in windows]


LATER = datetime(2027, 2, 1, tzinfo=UTC)


def all_windows(definition):
    """Return windows, also of the future; how many exist, and how many there will ever be."""
    endless = type(definition)(**{**vars_of(definition), "end": None}).universe(LATER)
    limit = len(definition.universe(LATER)) if definition.end else len(endless)
    return windows_of(endless, len(endless)), len(definition.universe(NOW)), limit


def vars_of(definition):
    """Return the arguments of a definition."""
    return {field.name: getattr(definition, field.name) for field in fields(definition)}


def overlapping(ours, theirs):
    """Name every upstream window that overlaps."""
    start, end = ours
    return [i for i, (s, e) in enumerate(theirs) if s < end and e > start]


def newest_before(ours, theirs):
    """Name the newest upstream window that ended before ours did."""
    return [i for i, (_, end) in enumerate(theirs) if end < ours[1]][-1:]


def around(start, end):
    """Name upstream windows by offset from the last that begins before ours ends."""

    def name(ours, theirs):
        begun = [i for i, (s, _) in enumerate(theirs) if s < ours[1]]
        if not begun:
            return []
        return [i for i in range(begun[-1] + start, begun[-1] + end + 1) if 0 <= i < len(theirs)]

    return name


def same(ours, theirs):
    """Name the upstream window of the same time."""
    return [i for i, window in enumerate(theirs) if window == ours]


OFFSETS = st.tuples(st.integers(-5, 2), st.integers(0, 4))
CASES = st.one_of(
    st.just((None, overlapping)),
    st.just((as_of(), newest_before)),
    OFFSETS.map(lambda o: (window(o[0], o[0] + o[1]), around(o[0], o[0] + o[1]))),
    st.just((identity(), same)),
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TIMES), st.sampled_from(TIMES), CASES)
def test_mappings_of_time_mean_what_they_say(down, up, case):
    """All at once, the fans are those of looking at each pair of windows; so are the late ones."""
    given_mapping, meaning = case
    mapping = given_mapping or infer_mapping(down, up)
    downstream, upstream = down.universe(NOW), up.universe(NOW)
    theirs, existing, limit = all_windows(up)
    fan = mapping.upstream_of(np.arange(len(downstream)), downstream, upstream)

    for row, ours in enumerate(windows_of(downstream, len(downstream))):
        # What ends with its definition is still the newest, but offsets go on beyond.
        known = theirs[:limit] if meaning is newest_before else theirs
        named = [i for i in meaning(ours, known) if i < limit]
        assert fan.slots_of(row).tolist() == [i for i in named if i < existing]
        late = fan.late is not None and bool(fan.late[row])
        assert late == any(i >= existing for i in named)


UNIVERSES = [
    Unpartitioned(),
    *(definition.universe(NOW) for definition in TIMES),
    REGIONS.universe(NOW),
    StaticPartitions(["eu", "us", "africa"]).universe(NOW),
    MultiPartitions(date=DAYS, region=REGIONS).universe(NOW),
    MultiPartitions(region=REGIONS, date=TIMES[0]).universe(NOW),
    MultiPartitions(a=REGIONS, b=StaticPartitions(["s", "m"]), date=DAYS).universe(NOW),
]
MAPPINGS = st.sampled_from(
    [
        all_partitions(),
        latest(3),
        identity(),
        specific(["2026-11-05", "us", "2026-11-03..2026-11-04"]),
        by_key({"us": ["eu", "us"], "2026-11-05": "2026-11-01..2026-11-03"}),
        as_mapping(lambda key: key),
        by_dimension(date=window(-2, 0), region=all_partitions()),
        by_dimension(date=all_partitions()),
        by_dimension(date=as_of(), a=latest()),
        by_dimension(region=specific(["us", "asia"])),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(UNIVERSES), st.sampled_from(UNIVERSES), MAPPINGS | st.none(), st.data())
def test_the_way_back_is_the_way_there(downstream, upstream, mapping, data):
    """Each way agrees with the other, and a part of the slots is mapped as all of them are."""
    definitions = [getattr(u, "definition", None) for u in (downstream, upstream)]
    mapping = mapping or infer_mapping(*definitions)
    if mapping is None or check_mapping(mapping, *definitions):
        return
    everything = np.arange(len(downstream))
    try:
        fan = mapping.upstream_of(everything, downstream, upstream)
    except (UnknownPartition, InvalidSelection):
        return
    fed = [set(fan.slots_of(row).tolist()) for row in everything.tolist()]
    chosen = data.draw(st.lists(st.integers(0, max(len(upstream) - 1, 0)), unique=True))
    chosen = sorted(position for position in chosen if position < len(upstream))
    rows = np.array(sorted(data.draw(st.sets(st.sampled_from(range(max(len(fed), 1)))))), dtype=int)
    rows = rows[rows < len(fed)]
    part = mapping.upstream_of(rows, downstream, upstream)

    back = mapping.downstream_of(np.array(chosen, dtype=np.int64), downstream, upstream)
    assert back.tolist() == [row for row in range(len(fed)) if fed[row] & set(chosen)]
    assert [set(part.slots_of(i).tolist()) for i in range(len(rows))] == [fed[r] for r in rows]
    assert all(list(fan.slots_of(row)) == sorted(fed[row]) for row in range(len(fed)))


def mapped(mapping, down, up, key):
    """Return the texts of what one downstream key needs, and whether something is late."""
    downstream = Unpartitioned() if down is None else down.universe(NOW, DYNAMIC)
    upstream = Unpartitioned() if up is None else up.universe(NOW, DYNAMIC)
    position = 0 if down is None else downstream.position(key)
    fan = as_mapping(mapping).upstream_of(np.array([position]), downstream, upstream)
    texts = list(upstream.texts(fan.slots_of(0)))
    return [*texts, "late"] if fan.late is not None and fan.late[0] else texts


DYNAMIC = {"customers": ((0, "a"), (2, "b"), (3, "c"))}
CUSTOMERS = DynamicPartitions("customers")
SALES = MultiPartitions(date=DAYS, region=REGIONS)
WORKDAYS = DailyPartitions("2026-11-01", exclude=lambda start: start.weekday() > 4)


@pytest.mark.parametrize(
    ("mapping", "down", "up", "key", "expected"),
    [
        (window(-2, 0), DAYS, DAYS, "2026-11-02", ["2026-11-01", "2026-11-02"]),
        (window(-1, -1), DAYS, DAYS, "2026-11-01", []),
        (window(-1, -1), DAYS, DAYS, "2026-11-05", ["2026-11-04"]),
        (window(0, 1), DAYS, DAYS, "2026-11-20", ["2026-11-20", "late"]),
        (window(-1, 0), DAYS, WORKDAYS, "2026-11-08", ["2026-11-05", "2026-11-06"]),
        (window(0, 0), MonthlyPartitions("2026-10-01"), DAYS, "2026-10", []),
        (as_of(), DAYS, WeeklyPartitions("2026-10-18"), "2026-11-07", ["2026-10-25"]),
        (as_of(), DAYS, WeeklyPartitions("2026-10-18"), "2026-11-08", ["2026-11-01"]),
        (latest(2), DAYS, CUSTOMERS, "2026-11-05", ["b", "c"]),
        (latest(), None, SALES, None, [f"2026-11-20|{r}" for r in ("us", "eu", "asia")]),
        (all_partitions(), REGIONS, CUSTOMERS, "eu", ["a", "b", "c"]),
        (all_partitions(), DAYS, None, "2026-11-05", [None]),
        (identity(), REGIONS, StaticPartitions(["eu", "mars"]), "eu", ["eu"]),
        (identity(), REGIONS, StaticPartitions(["eu", "mars"]), "us", []),
        (identity(), CUSTOMERS, StaticPartitions(["c"]), "c", ["c"]),
        (identity(), DAYS, DailyPartitions("2026-11-05"), "2026-11-04", []),
        (specific(["us"]), DAYS, REGIONS, "2026-11-05", ["us"]),
        (specific(["2026-11-25", "2026-11-02", "2020-01-01"]), None, DAYS, None, None),
        (by_key({"us": ["a", "c"], "eu": "b"}), REGIONS, CUSTOMERS, "us", ["a", "c"]),
        (by_key({"us": ["a", "c"], "eu": "b"}), REGIONS, CUSTOMERS, "asia", []),
        (lambda key: f"..{key}", DAYS, DAYS, "2026-11-02", None),
        (lambda key: [key, "2026-11-01"], DAYS, DAYS, "2026-11-02", ["2026-11-01", "2026-11-02"]),
        (lambda key: None, DAYS, DAYS, "2026-11-02", []),
        (lambda key: "2026-10-30..2026-11-01", DAYS, DAYS, "2026-11-02", ["2026-11-01"]),
        (lambda key: "2026-11-20..2026-11-24", DAYS, DAYS, "2026-11-02", ["2026-11-20", "late"]),
        (lambda key: (key[0], "us"), SALES, SALES, ("2026-11-02", "eu"), ["2026-11-02|us"]),
        (lambda key: {"date": key}, DAYS, SALES, "2026-11-02", None),
        (
            by_dimension(date=window(-1, 0), region=all_partitions()),
            SALES,
            MultiPartitions(date=DAYS, region=StaticPartitions(["x", "y"])),
            ("2026-11-02", "eu"),
            ["2026-11-01|x", "2026-11-01|y", "2026-11-02|x", "2026-11-02|y"],
        ),
        (
            by_dimension(date=window(-1, -1)),
            SALES,
            SALES,
            ("2026-11-02", "eu"),
            ["2026-11-01|eu"],
        ),
    ],
)
def test_examples(mapping, down, up, key, expected):
    """Named mappings, at the edges of what there is."""
    if expected is None:
        expected = {
            type(None): ["2026-11-02", "late"],
            str: ["2026-11-01", "2026-11-02"]
            if up is DAYS
            else [f"2026-11-02|{region}" for region in ("us", "eu", "asia")],
        }[type(key)]

    assert mapped(mapping, down, up, key) == expected


@pytest.mark.parametrize(
    ("down", "up", "expected"),
    [
        (None, None, "all_partitions()"),
        (None, DAYS, "all_partitions()"),
        (DAYS, None, "all_partitions()"),
        (DAYS, DAYS, "identity()"),
        (REGIONS, StaticPartitions(["us", "eu", "asia"], dimension="region"), "identity()"),
        (CUSTOMERS, CUSTOMERS, "identity()"),
        (SALES, SALES, "identity()"),
        (MonthlyPartitions("2026-01-01"), DAYS, "overlapping()"),
        (DAYS, SALES, "by_dimension(date=identity(), region=all_partitions())"),
        (SALES, DAYS, "by_dimension(date=identity())"),
        (SALES, REGIONS, "by_dimension(region=identity())"),
        (
            SALES,
            MultiPartitions(region=REGIONS, size=StaticPartitions(["s"])),
            "by_dimension(region=identity(), size=all_partitions())",
        ),
        (
            MultiPartitions(date=MonthlyPartitions("2026-01-01"), region=REGIONS),
            SALES,
            "by_dimension(date=overlapping(), region=identity())",
        ),
        (REGIONS, StaticPartitions(["us", "eu"]), None),
        (REGIONS, DAYS, None),
        (DAYS, CUSTOMERS, None),
        (CUSTOMERS, DynamicPartitions("others"), None),
        (SALES, CUSTOMERS, None),
        (SALES, MultiPartitions(day=DAYS, area=REGIONS), None),
        (SALES, MultiPartitions(date=DAYS, region=StaticPartitions(["x"])), None),
        (DAYS, MultiPartitions(a=DAYS, b=DAYS), None),
    ],
)
def test_a_mapping_is_inferred_where_there_is_one_sensible_answer(down, up, expected):
    """Where there is none, or more than one, it must be named."""
    mapping = infer_mapping(down, up)

    assert (mapping and mapping.name) == expected
    assert mapping is None or check_mapping(mapping, down, up) is None


@pytest.mark.parametrize(
    ("mapping", "down", "up", "said"),
    [
        (identity(), None, DAYS, "partitions on both sides"),
        (identity(), DAYS, MonthlyPartitions("2026-01-01"), "windows of the same length"),
        (identity(), DAYS, SALES, "by_dimension"),
        (as_of(), DAYS, REGIONS, "the upstream has none"),
        (as_of(), None, DAYS, "the downstream has none"),
        (window(), SALES, SALES, "by_dimension(date=window(start=-6, end=0))"),
        (latest(), DAYS, None, "an upstream with partitions"),
        (specific(["us"]), DAYS, None, "an upstream with partitions"),
        (by_key({"us": "eu"}), None, REGIONS, "partitions on both sides"),
        (lambda key: [key], DAYS, None, "the upstream has none"),
        (by_dimension(datum=identity()), SALES, SALES, "Did you mean date?"),
        (by_dimension(region=window()), SALES, SALES, "in the dimension 'region'"),
        (by_dimension(date=identity()), DAYS, None, "an upstream with partitions"),
        (identity, DAYS, DAYS, "write identity()"),
        (identity(), DAYS, DailyPartitions("2025-01-01", "2026-01-01"), "no time in common"),
        (identity(), DailyPartitions("2025-01-01", "2026-01-01"), DAYS, "no time in common"),
        (identity(), REGIONS, StaticPartitions(["mx", "jp"]), "no key in common"),
        (identity(), REGIONS, DAYS, "no key in common"),
        (identity(), DAYS, REGIONS, "no key in common"),
        (
            identity(),
            SALES,
            MultiPartitions(date=DAYS, region=StaticPartitions(["mx"])),
            "in the dimension 'region', they have no key in common",
        ),
        (specific("2026-10-01..2026-10-09"), REGIONS, DAYS, "names none of its partitions"),
        (by_key({"uk": "us", "de": "eu"}), REGIONS, REGIONS, "has none of the downstream's keys"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(mapping, down, up, said):
    """The reason says which side lacks what, and what to write instead."""
    problem = check_mapping(mapping, down, up)

    assert problem is not None
    assert said in problem


@pytest.mark.parametrize(
    "make",
    [
        lambda: latest(0),
        lambda: window(1, 0),
        lambda: window(0.5, 1),
        lambda: specific([]),
        lambda: specific(3),
        lambda: by_key({}),
        by_dimension,
        lambda: by_dimension(date="identity"),
        lambda: as_mapping("identity"),
    ],
)
def test_wrong_arguments_are_refused(make):
    """What cannot be a mapping is refused where it is written."""
    with pytest.raises(InvalidArgument):
        make()


@pytest.mark.parametrize(
    ("mapping", "down", "up"),
    [
        (identity(), REGIONS, StaticPartitions(["eu", "mx"])),
        (identity(), DAYS, StaticPartitions(["2026-11-07"])),
        (identity(), DynamicPartitions("regions"), REGIONS),
        (identity(), DAYS, DailyPartitions("2026-12-01")),
        (identity(), MultiPartitions(day=DAYS, region=REGIONS), SALES),
        (specific(["2026-12-24"]), None, DAYS),
        (specific("latest:3"), None, DAYS),
        (by_key({"us": "us", "mx": "eu"}), REGIONS, REGIONS),
        (by_key({"2027-01-01": "us"}), DAYS, REGIONS),
    ],
)
def test_what_may_come_to_have_something_in_common_is_taken(mapping, down, up):
    """A part will do, and so do windows that are yet to come, and keys that nobody knows yet."""
    assert check_mapping(mapping, down, up) is None


def test_an_input_that_would_never_get_anything_is_refused_where_it_is_defined():
    """Without a mapping, too; both definitions are shown."""

    @asset(partitions=DailyPartitions("2025-01-01", end="2026-01-01"))
    def sold(): ...

    @asset(partitions=MonthlyPartitions("2026-01-01", end="2027-01-01"))
    def report(sold): ...

    with pytest.raises(PartitionMappingError, match="no time in common") as refused:
        build_graph([sold, report])
    assert "DailyPartitions('2025-01-01', end='2026-01-01')" in str(refused.value)
    assert "MonthlyPartitions('2026-01-01', end='2027-01-01')" in str(refused.value)


def test_a_mapping_that_fails_names_the_asset_and_the_line():
    """A plan refuses it with the asset, its upstream, and where the function is."""

    @asset(partitions=DAYS)
    def sold(): ...

    @asset(partitions=DAYS, ins={"sold": AssetIn(partitions=lambda key: key.nope)})
    def report(sold): ...

    with pytest.raises(InvalidSelection, match=r"'report' takes 'sold'.+test_mappings\.py:\d+"):
        plan(report)


def test_a_function_that_fails_or_names_no_key_is_named():
    """The message says which function, for which key."""

    def broken(key):
        return 1 / 0

    def wrong(key):
        return "no such day"

    with pytest.raises(InvalidSelection, match=r"broken \(.+\) failed for the key '2026-11-05'"):
        mapped(broken, DAYS, DAYS, "2026-11-05")
    with pytest.raises(UnknownPartition, match=r"wrong \(.+\) returned 'no such day' for the key"):
        mapped(wrong, DAYS, DAYS, "2026-11-05")


def test_a_function_of_several_dimensions_gets_a_tuple():
    """Its parts are in the order of definition."""
    seen = []
    mapped(seen.append, SALES, DAYS, ("2026-11-02", "eu"))

    assert seen == [("2026-11-02", "eu")]


def test_what_reads_the_past_of_an_asset_is_known():
    """Only mappings to earlier slots do for an asset that reads itself."""
    assert window(-7, -1).reads_past
    assert as_of().reads_past
    assert by_dimension(date=window(-1, -1)).reads_past
    assert not window(-7, 0).reads_past
    assert not identity().reads_past
    assert not by_dimension(date=identity()).reads_past
