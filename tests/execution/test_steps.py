"""What a step does with a function: arguments, async code, streams, context, resources."""

from __future__ import annotations

import asyncio
import sys
import traceback
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assetkit import DailyPartitions, MultiPartitions, StaticPartitions, asset
from assetkit.definitions.asset import Input
from assetkit.errors import MaterializationError, OutputError, StepError, UnknownAsset
from assetkit.execution.context import AssetContext, build_context
from assetkit.execution.provenance import (
    json_value,
    materialization_from_record,
    provenance_of,
)
from assetkit.io.base import FileSignature, Place, Source, Stored
from assetkit.records import Basis, InputUse, Materialization


def test_async_functions_and_generators(world):
    """A coroutine is awaited, an async generator streamed, also where a loop runs already."""

    async def awaited():
        await asyncio.sleep(0)
        return [1]

    async def streamed(awaited):
        for number in (*awaited, 2):
            await asyncio.sleep(0)
            yield number

    world.add("awaited", awaited)
    world.add("streamed", streamed, "awaited")

    async def in_a_notebook():
        return world.run()

    assert [1, 2] == world.run()["streamed"]
    assert [1, 2] == asyncio.run(in_a_notebook())["streamed"]


def test_errors_of_async_code_are_its_own(world):
    """An error in a coroutine or an async generator fails the step as it is."""

    async def awaited():
        raise ValueError("awaited")

    async def streamed():
        yield 1
        raise ValueError("streamed")

    world.add("awaited", awaited)
    world.add("streamed", streamed)
    result = world.run(raise_on_error=False)

    assert ["awaited", "streamed"] == [str(error) for error in result.errors]


def test_a_generator_that_fails_publishes_nothing(world):
    """What a stream had yielded before an error is dropped; metadata added on the way is kept."""

    def stream(context):
        yield 1
        context.add_metadata({"last": 1})
        if context.attempt:
            raise ValueError("half-way")

    world.add("stream", stream)
    world.run(raise_on_error=False)

    assert {} == world.manager.values


def test_metadata_of_a_stream_reaches_the_record(world):
    """What a generator adds while it is written is recorded."""

    def stream(context):
        yield 1
        context.add_metadata({"pages": 3})

    world.add("stream", stream)
    world.run()
    made, _, _ = world.catalog.current["stream", 0]

    assert {"pages": 3} == made.metadata == world.manager.records["stream"]["metadata"]


def test_exits_are_failures(world):
    """sys.exit() in a function fails its step, not the program."""
    world.add("leave", lambda: sys.exit(3))

    assert [("leave", None)] == world.run(raise_on_error=False).failed


def test_the_context_knows_its_step(world, mappings):
    """Partition, run, previous value and changes upstream are at hand."""
    seen = []

    def raw(context):
        return [context.partition_key, len(seen)]

    def look(context, raw):
        seen.append((context.partition, context.previous(), context.changed_partitions("raw")))
        return [raw, context.run_id]

    world.add("raw", raw, letters="ab")
    world.add("look", look, "raw", letters="ab")
    first = world.run()
    second = world.run(world.plan(run={"raw": [0], "look": [0, 1]}))

    assert [({"letter": "a"}, None, ("a",)), ({"letter": "b"}, None, ("b",))] == seen[:2]
    assert ({"letter": "a"}, [["a", 0], first.run_id], ("a",)) == seen[2]
    assert ({"letter": "b"}, [["b", 0], first.run_id], ()) == seen[3]
    assert first.run_id != second.run_id


def test_the_context_says_what_it_does_not_know():
    """One key of several, and an upstream that is none, are refused with the way out."""
    context = AssetContext(asset_name="orders", partition_keys=("a", "b"), changes={"raw": ()})

    with pytest.raises(StepError, match=r"makes 2 partitions in this call.*partition_keys"):
        _ = context.partition_key
    with pytest.raises(UnknownAsset, match=r"no input 'rav'\. Did you mean raw"):
        context.changed_partitions("rav")


def test_a_context_can_be_made_by_hand():
    """Functions that take a context are tested without a run."""
    context = build_context(partition_key="2026-01-31", resources={"db": 5}, config={"limit": 1})
    context.add_metadata({"at": datetime(2026, 1, 1, tzinfo=UTC)})

    assert "2026-01-31" == context.partition_key == context.partition["partition"]
    assert 5 == context.resources.db
    assert {"at": "2026-01-01T00:00:00+00:00"} == context.metadata
    assert build_context().partition_key is None


@pytest.mark.parametrize("key", [("2026-01-02", "us"), "2026-01-02|us"], ids=["tuple", "text"])
def test_an_asset_called_plainly_knows_its_partition_by_dimension(key):
    """What a run would say of the window and the dimensions, a context made for a test says too."""
    days = DailyPartitions("2026-01-01", timezone="America/New_York")

    @asset(
        name="shop/visits", partitions=MultiPartitions(day=days, region=StaticPartitions(["us"]))
    )
    def visits(context):
        context.add_metadata({"seen": 1})
        return context

    context = build_context(partition_key=key)
    seen = visits(context)

    assert seen.asset_name == "shop/visits"
    assert dict(seen.partition) == {"day": "2026-01-02", "region": "us"}
    assert seen.partition_window == days.window("2026-01-02")
    assert context.metadata == {"seen": 1}


def test_a_context_keeps_what_it_was_told():
    """A window given by hand stays, and a key of no partition has none."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    told = build_context(partition_key="odd", partition_window=(moment, moment))

    @asset(partitions=DailyPartitions("2026-01-01"))
    def daily(context):
        return context.partition_window

    assert daily(told) == (moment, moment)
    assert daily(build_context(partition_key="odd")) is None


def test_resources_are_set_up_once_and_torn_down(world):
    """A resource is opened when first needed, shared by all steps, and closed after the run."""
    events = []

    class Database:
        def setup(self):
            events.append("setup")

        def teardown(self):
            events.append("teardown")

    class Session:
        def __enter__(self):
            events.append("enter")
            return "session"

        def __exit__(self, *error):
            events.append("exit")

    world.resources = {"database": Database(), "session": Session(), "unused": Database()}

    def ask(context, database):
        return [context.resources.session, type(database).__name__]

    world.add("ask", ask, letters="ab", resources={"database": Database})
    result = world.run()

    assert ["session", "Database"] == result.load("ask", "a")
    assert ["setup", "enter", "exit", "teardown"] == events


def test_an_output_error_names_its_asset(world):
    """What an IO manager refuses is told with the asset and where it is defined."""

    def write(value, target):
        raise OutputError("a set cannot be stored; return a table")

    world.manager.write = write
    world.add("sets", lambda: {1})
    result = world.run(raise_on_error=False)

    assert str(result.errors[0]).startswith("sets (assets.py:")
    assert "return a table" in str(result.errors[0])


def test_tracebacks_begin_with_the_users_code(world):
    """Frames of the library before the user's own are cut away."""

    def broken():
        return helper()

    def helper():
        raise ValueError("here")

    world.add("broken", broken)
    with pytest.raises(MaterializationError) as got:
        world.run()
    frames = traceback.extract_tb(got.value.__cause__.__traceback__)

    assert ["broken", "helper"] == [frame.name for frame in frames]


def test_what_is_recorded_travels_with_the_data(world, mappings):
    """From a file's record the catalog row can be made again."""
    world.add("raw", lambda: [1], letters="ab")
    both = Input(parameter="raw", upstream="raw", mapping=mappings.All())
    world.add("both", lambda raw: raw, both)
    world.run()
    made, _, _ = world.catalog.current["both", 0]
    record = world.manager.records["both"] | {"data_version": made.data_version}
    found = materialization_from_record(_stored(record, made))

    assert replace(found, duration=made.duration) == made


def test_records_go_round_through_json():
    """All that a record holds comes back as it was."""
    made = Materialization(
        asset="sales/orders",
        partition="2026-01-31|us",
        ordinal=3,
        run_id="r",
        data_version="0" * 32,
        basis=Basis(code="c", config="g", definition="d", schema="s", inputs=("a",)),
        inputs=(InputUse(asset="a", digest=2**64 - 1, count=1, versions=(("x", "1" * 32),)),),
        materialized_at=datetime(2026, 1, 31, 1, 2, 3, 4, tzinfo=UTC),
        data_time=None,
        partial=True,
        attempt=2,
        rows=5,
        bytes=10,
        location="sales/orders/part.parquet",
        signature=FileSignature(size=10, mtime_ns=1, inode=2),
        metadata={"n": 1},
    )

    assert made == materialization_from_record(_stored(provenance_of(made), made))


@pytest.mark.parametrize("record", [None, {}, {"asset": "a"}, {"inputs": 3}])
def test_records_of_others_are_none_of_ours(record):
    """A file without a record, or with a strange one, gives no row."""
    source = Source(
        asset="a", partition_key=None, dimensions=(), place=Place(data="", private=None), folder="a"
    )
    assert materialization_from_record(Stored(source=source, signature=None, record=record)) is None


def _stored(record, made):
    source = Source(
        asset=made.asset,
        partition_key=None,
        dimensions=(),
        place=Place(data="", private=None),
        folder="",
        location=made.location,
    )
    return Stored(
        source=source,
        signature=made.signature,
        record=json_value(record),
        rows=made.rows,
        bytes=made.bytes,
    )
