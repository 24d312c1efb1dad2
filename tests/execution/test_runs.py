"""What a run does with a plan: order, failures, retries, cutoff, cancelling, other runs."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta

import pytest

from assetkit.catalog.base import Claim
from assetkit.definitions.asset import Input
from assetkit.definitions.outputs import Output
from assetkit.definitions.policies import BackfillPolicy, RetryPolicy
from assetkit.errors import CatalogError, CheckFailed, MaterializationError, OutputError
from assetkit.execution.environment import RunOptions
from assetkit.execution.events import RunEnded, RunStarted, StepEnded, StepStarted
from assetkit.execution.runner import run_plan
from assetkit.executors import ProcessExecutor, ThreadExecutor
from assetkit.records import Outcome, RunStatus


def len_of(raw):
    return len(raw)


def use(name, mapping, **said):
    """Declare an input with its mapping settled."""
    return Input(parameter=name, upstream=name, mapping=mapping, **said)


@pytest.fixture
def days(world, mappings):
    """Three partitions of raw numbers, doubled, and their sum."""
    world.add("raw", lambda context: [ord(context.partition_key)], letters="xyz")
    world.add("double", lambda raw: [2 * raw[0]], "raw", letters="xyz")
    world.add("total", lambda double: sum(one[0] for one in double), use("double", mappings.All()))
    return world


def test_values_flow_from_upstream_to_downstream(days):
    """Each step gets what its upstreams published, partition by partition."""
    result = days.run()

    assert result.success
    assert 2 * (120 + 121 + 122) == result["total"]
    assert [("raw", "x"), ("raw", "y"), ("raw", "z")] == result.materialized[:3]
    assert 7 == len(result.materialized)


def test_what_is_read_is_recorded(days):
    """A materialization names the versions that it consumed, and when and how it was made."""
    result = days.run()
    made = {(one.asset, one.partition): one for one, _, _ in days.catalog.current.values()}
    raw, double = made["raw", "y"], made["double", "y"]

    assert (("y", raw.data_version),) == double.inputs[0].versions
    assert [("x", made["double", "x"].data_version)] == list(
        made["total", None].inputs[0].versions[:1]
    )
    assert result.run_id == double.run_id
    assert days.now == double.data_time
    assert days.basis("double") == double.basis


def test_read_seqs_rise_while_nobody_else_writes(days):
    """Right after a run no slot looks older than what it read."""
    days.run(commit_size=1)
    versions = {slot: (ver, read) for slot, (_, ver, read) in days.catalog.current.items()}
    newest = max(ver for ver, _ in versions.values())

    assert all(read >= ver for ver, read in versions.values())
    assert versions["total", 0][1] >= newest


def test_a_failed_step_blocks_just_what_needs_it(days):
    """Other partitions go on; the error names each failure, the first as its cause."""

    def raw(context):
        if context.partition_key == "y":
            raise ValueError("no data for y")
        return [1]

    days.add("raw", raw, letters="xyz")

    with pytest.raises(MaterializationError, match=r"raw@y \(assets.py:\d+\): ValueError") as got:
        days.run()

    result = got.value.result
    assert isinstance(got.value.__cause__, ValueError)
    assert [("raw", "y")] == result.failed
    assert [("double", "y"), ("total", None)] == result.blocked
    assert [("double", "x"), ("double", "z")] == result.materialized[-2:]
    assert RunStatus.FAILED == days.catalog.runs[result.run_id].status


def test_a_soft_input_waits_but_does_not_block(world, mappings):
    """With need="any" a step goes on with what is there; with too high a count it does not."""

    def raw(context):
        if context.partition_key == "y":
            raise ValueError
        return [1]

    world.add("raw", raw, letters="xyz")
    any_raw = Input(parameter="raw", upstream="raw", mapping=mappings.All(), need="any")
    world.add("some", len_of, any_raw)
    three = Input(parameter="raw", upstream="raw", mapping=mappings.All(), need=3)
    world.add("enough", len_of, three)
    result = world.run(raise_on_error=False)

    assert 2 == result["some"]
    assert [("enough", None)] == result.blocked
    reasons = result.to_pandas().set_index("asset").reason
    assert reasons["enough"] == "2 of 3 of raw are there; raw@y is missing"


def test_nothing_there_is_what_the_annotation_says(world, mappings):
    """A first slot of its own asset's past gets None, or an empty value of its type."""
    world.add("raw", lambda: [5], letters="xy")
    before = use("balance", mappings.Same(-1))

    def first(balance, raw):
        return [(balance or [0])[0] + raw[0]]

    world.add("balance", first, before, "raw", letters="xy")
    result = world.run()

    assert [10] == result.load("balance", "y")


def test_upstreams_that_come_out_the_same_end_what_waits_for_them(days, mappings):
    """A step that only runs if an input changes is skipped where none did."""
    days.run()
    calls = []
    days.add("total", lambda double: calls.append(1), use("double", mappings.All()))
    result = days.run(days.plan(maybe=("double", "total")))

    assert 3 == len(result.unchanged)
    assert 4 == len(result.skipped)
    assert [] == calls


def test_one_changed_partition_runs_just_what_follows_from_it(days):
    """Of the steps that may have to run, those run whose inputs changed."""
    days.run()
    days.add("raw", lambda context: [ord(context.partition_key.upper())], letters="xyz")
    result = days.run(
        days.plan(run={"raw": [1], "double": [0, 1, 2], "total": [0]}, maybe=("double", "total"))
    )

    assert [("raw", "y"), ("double", "y"), ("total", None)] == result.materialized
    assert [("double", "x"), ("double", "z")] == result.skipped


def test_a_result_of_none_is_recorded_and_stores_nothing(world, mappings):
    """A side effect has a version that depends on what it was made from."""
    world.add("load", lambda: None)
    after = Input(parameter=None, upstream="load", mapping=mappings.Same())
    world.add("report", lambda: 1, after)
    result = world.run()
    again = world.run(world.plan(maybe=("report",)))

    assert ["report"] == list(world.manager.values)
    assert 2 == len(result.materialized)
    assert [("load", None)] == again.unchanged
    assert [("report", None)] == again.skipped


def test_output_says_more_than_its_value(world):
    """Metadata, a version and a time given by the author are kept."""
    when = world.now - timedelta(hours=3)

    def source(context):
        context.add_metadata({"pages": 2})
        return Output([1], metadata={"url": "u"}, data_version="v1", data_time=when)

    world.add("source", source)
    world.add("derived", lambda source: source, "source")
    world.run()
    source, derived = (made for made, _, _ in world.catalog.current.values())
    result = world.run(world.plan(maybe=("derived",)))

    assert {"pages": 2, "url": "u"} == source.metadata
    assert when == source.data_time == derived.data_time
    assert [("source", None)] == result.unchanged


def test_retries_wait_and_then_succeed(world):
    """A failed attempt is tried again as the policy says; each failure is kept."""
    attempts = []

    def flaky(context):
        attempts.append(context.attempt)
        if context.attempt < 3:
            raise ConnectionError("down")
        return 1

    world.add("flaky", flaky, retry=RetryPolicy(3, delay=0.001))
    world.add("after", lambda flaky: flaky, "flaky")
    result = world.run()

    assert [1, 2, 3] == attempts
    assert result.success
    assert [1, 2] == [failed.attempt for failed in world.catalog.failures]
    assert 3 == next(step.attempts for step in world.catalog.steps if step.asset == "flaky")
    assert 1 == len({failed.fingerprint for failed in world.catalog.failures})


def test_retries_end(world):
    """What keeps failing fails; what the policy does not cover is not tried again."""
    world.add("always", lambda: 1 / 0, retry=RetryPolicy(2))
    world.add("other", lambda: 1 / 0, retry=RetryPolicy(2, retry_on=(OSError,)))
    result = world.run(raise_on_error=False)

    assert {"always": 3, "other": 1} == {one.asset: one.attempt for one in result.failures}


def test_stop_on_failure_gives_up_the_rest(world):
    """With on_failure="stop" nothing more starts after a failure."""
    world.add("bad", lambda: 1 / 0)
    world.add("never", lambda: 1)
    result = world.run(on_failure="stop", raise_on_error=False)

    assert [("never", None)] == result.cancelled
    assert "a step failed before" in set(result.to_pandas().reason)


def test_stop_on_failure_reaches_what_waits_for_a_worker(world):
    """Short steps are held ready for workers otherwise, and would start."""
    given = threading.Event()

    class Sink:
        def notify(self, event):
            if isinstance(event, StepStarted) and event.partition == "d":
                given.set()

        def close(self):
            """Have nothing to close."""

    def some(context):
        if context.partition_key == "c":
            given.wait(0.2)
            raise ValueError("c")

    world.executor = ThreadExecutor(1)
    world.add("some", some, letters="abcdef")
    options = RunOptions(on_failure="stop", raise_on_error=False)
    result = run_plan(world.plan(), world.environment(progress=Sink()), options)

    assert [("some", "d"), ("some", "e"), ("some", "f")] == result.cancelled


def test_ctrl_c_keeps_what_is_done(days):
    """An interrupt is raised as it came; what was finished is recorded, the run is cancelled."""

    def double(raw):
        signal.raise_signal(signal.SIGINT)

    days.add("double", double, "raw", letters="xyz")
    with pytest.raises(KeyboardInterrupt):
        days.run()
    (run,) = days.catalog.runs.values()

    assert RunStatus.CANCELLED == run.status
    assert {"raw"} == {asset for asset, _ in days.catalog.current}
    outcomes = [step.outcome for step in days.catalog.steps]
    assert 3 == outcomes.count(Outcome.MATERIALIZED)
    assert 4 == outcomes.count(Outcome.CANCELLED)
    assert {} == days.catalog.leases


def test_a_run_can_be_cancelled_from_elsewhere(world):
    """Asked through the catalog, a run ends after what is running."""
    asked = threading.Event()
    beat = world.catalog.heartbeat

    def heartbeat(run_id, now):
        asked.set()
        return beat(run_id, now)

    world.catalog.heartbeat = heartbeat

    def slow(context):
        world.catalog.cancel.add(context.run_id)
        asked.clear()
        assert asked.wait(120)
        return 1

    world.add("slow", slow)
    world.add("next", lambda slow: 1, "slow")
    with pytest.raises(MaterializationError, match="1 were given up") as got:
        world.run(heartbeat=0.001, commit_every=0.001)

    assert [("slow", None)] == got.value.result.materialized
    assert RunStatus.CANCELLED == world.catalog.runs[got.value.result.run_id].status


def test_slots_of_another_run_are_waited_for_and_reused(days):
    """What another run makes meanwhile is not made twice."""
    days.catalog.claim("other", [Claim(asset="raw", ordinals=days.universes["raw"].ordinals([0]))])
    asked = []
    claim = days.catalog.claim

    def claim_late(run_id, claims):
        asked.append(claims)
        if len(asked) == 3:
            for kept in (days.manager.values, days.manager.versions):
                kept["raw/letter=x"] = kept["raw/letter=y"]
            made = next(m for m, _, _ in days.catalog.current.values() if m.partition == "y")
            days.catalog.current["raw", 0] = (
                type(made)(**{**_fields(made), "partition": "x", "ordinal": 0, "run_id": "other"}),
                0,
                0,
            )
            days.catalog.release("other")
        return claim(run_id, claims)

    days.catalog.claim = claim_late
    result = days.run(poll_every=0.01, commit_size=1, commit_every=0.001)

    assert [("raw", "x")] == result.skipped
    assert 2 * (121 + 121 + 122) == result["total"]


def _fields(made):
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


def test_results_after_a_lost_lease_are_refused(days):
    """What the catalog does not take counts as failed."""

    def raw(context):
        days.catalog.leases["raw", 0] = "other"
        return [1]

    days.add("raw", raw, letters="xyz")
    result = days.run(raise_on_error=False)

    assert [("raw", "x")] == result.failed
    assert "lease was lost" in str(result.error())


def test_a_catalog_that_fails_ends_the_run(days):
    """An error while results are written down is raised, never swallowed."""

    def commit(_):
        raise CatalogError("the disk is full")

    days.catalog.commit = commit

    with pytest.raises(CatalogError, match="disk is full"):
        days.run()
    assert [RunStatus.FAILED] == [run.status for run in days.catalog.runs.values()]


def test_an_inspection_keeps_data_from_being_published(days):
    """Staged data that fails a check is dropped; what was published stays."""
    days.run()
    before = dict(days.manager.values)

    def refuse(asset, target, value, written):
        if target.partition_key == "y":
            raise CheckFailed("too few rows")

    days.inspections = (refuse,)
    days.add("raw", lambda: [0], letters="xyz")
    result = days.run(raise_on_error=False)

    assert [("raw", "y"), ("double", "y")][0] in result.failed
    assert before["raw/letter=y"] == days.manager.values["raw/letter=y"]
    assert [0] == days.manager.values["raw/letter=x"]
    assert [[0]] == days.manager.discarded


def test_a_batch_gets_several_partitions_in_one_call(world):
    """Results are split by key, written and recorded slot by slot."""
    calls = []

    def batch(context):
        calls.append(context.partition_keys)
        return {key: [key] for key in context.partition_keys}

    world.add("batch", batch, letters="abcde", backfill=BackfillPolicy.batched(2))
    world.add("each", lambda batch: batch, "batch", letters="abcde")
    result = world.run()

    assert [("a", "b"), ("c", "d"), ("e",)] == calls
    assert 10 == len(result.materialized)
    assert ["d"] == result.load("each", "d")


def test_a_batch_goes_on_without_what_is_blocked(world, mappings):
    """A slot whose input failed is left out of the call; the others are made."""

    def raw(context):
        if context.partition_key == "b":
            raise ValueError
        return [context.partition_key]

    def batch(context, raw: dict):
        return {key: raw[key] for key in context.partition_keys}

    world.add("raw", raw, letters="abc")
    world.add(
        "batch",
        batch,
        Input(parameter="raw", upstream="raw", mapping=mappings.Same(), load_as=dict),
        letters="abc",
        backfill=BackfillPolicy.single_run(),
    )
    result = world.run(raise_on_error=False)

    assert [("batch", "b")] == result.blocked
    assert [("batch", "a"), ("batch", "c")] == result.materialized[-2:]
    made, _, _ = world.catalog.current["batch", 2]
    assert ["c"] == [partition for partition, _ in made.inputs[0].versions]


def test_a_batch_that_lacks_a_partition_fails_with_its_name(world):
    """Nothing of a call is published whose result does not fit what was asked for."""

    def batch(context):
        return {"a": [1]}

    world.add("batch", batch, letters="ab", backfill=BackfillPolicy.single_run())
    result = world.run(raise_on_error=False)

    assert isinstance(result.errors[0], OutputError)
    assert "returned nothing for b" in str(result.errors[0])
    assert {} == world.manager.values


def test_steps_in_threads_overlap(world):
    """With two threads, two steps that wait for one another both end."""
    world.executor = ThreadExecutor(2)
    barrier = threading.Barrier(2, timeout=120)
    world.add("wait", lambda: barrier.wait() * 0, letters="ab")

    assert world.run().success


def test_steps_in_processes_give_the_same(days, tmp_path):
    """Values written by worker processes are found again; a failure keeps its kind."""
    days.executor = ProcessExecutor(2)
    days.manager = FileManager(str(tmp_path / "values"))
    days.add("bad", lambda: {}["key"])
    result = days.run(raise_on_error=False)
    days.executor.stop(kill=True)

    assert 2 * (120 + 121 + 122) == result["total"]
    assert isinstance(result.errors[0], KeyError)
    assert "test_runs.py" in result.failures[0].traceback
    assert "test_runs.py" in str(result.errors[0].__cause__)


class FileManager:
    """An IO manager of just three methods."""

    def __init__(self, folder):
        self.folder = folder

    def _path(self, place):
        from pathlib import Path

        return Path(self.folder) / place.folder.replace("/", "-")

    def write(self, value, target):
        from assetkit.io.base import Written

        path = self._path(target)
        path.parent.mkdir(exist_ok=True)
        path.write_text(repr(value))
        return Written()

    def read(self, sources, load_as, columns):
        import ast

        values = [ast.literal_eval(self._path(source).read_text()) for source in sources]
        return values[0] if len(values) == 1 else values

    def delete(self, target):
        self._path(target).unlink(missing_ok=True)


def test_without_a_hash_every_run_counts_as_a_change(world, tmp_path):
    """A plain IO manager says nothing of the content, so what follows runs again."""
    world.manager = FileManager(str(tmp_path / "values"))
    world.add("plain", lambda: 1)
    world.add("after", lambda plain: plain, "plain")
    world.run()
    result = world.run(world.plan(maybe=("after",)))

    assert 2 == len(result.materialized)


def test_those_who_watch_are_told_in_order(days):
    """A run tells of its beginning, of each step, and of its end."""
    events = []

    class Sink:
        closed = 0

        def notify(self, event):
            events.append(event)

        def close(self):
            self.closed += 1

    sink = Sink()
    run_plan(days.plan(), days.environment(progress=sink))

    assert isinstance(events[0], RunStarted)
    assert {"raw": 3, "double": 3, "total": 1} == events[0].steps
    assert [StepStarted, StepEnded] * 7 == [type(event) for event in events[1:-1]]
    assert isinstance(events[-1], RunEnded)
    assert 7 == events[-1].counts[Outcome.MATERIALIZED]
    assert 1 == sink.closed


def test_a_plan_with_nothing_to_do_leaves_no_trace(days):
    """No run is recorded where nothing is to be built."""
    result = days.run(days.plan(run={}))

    assert result.success
    assert {} == days.catalog.runs
    assert str(result) == "Nothing to do: everything asked for is up to date."
