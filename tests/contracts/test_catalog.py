"""What every catalog does: one suite over the DuckDB file and the catalog in memory."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from assetkit.catalog.base import LeaseRow, NewKey
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.catalog.liveness import RunGuard, this_process
from assetkit.catalog.memory import MemoryCatalog
from assetkit.columns import NO_TIME, split_version
from assetkit.errors import CatalogError, UnknownAsset
from assetkit.records import (
    AssetRow,
    BackfillRecord,
    FileSignature,
    Observation,
    Outcome,
    Owner,
    RunStatus,
)
from tests.catalog.records import (
    ME,
    NOON,
    after,
    basis,
    checked,
    claim,
    commit,
    ended,
    failed,
    made,
    run,
)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["duckdb", "memory"])
def catalog(request, tmp_path, clock):
    if request.param == "memory":
        return MemoryCatalog(runs=tmp_path / "runs", clock=clock)
    return DuckDBCatalog(tmp_path / "catalog.duckdb", clock=clock)


def row(asset="a", **changes):
    return AssetRow(asset=asset, **{"layout": "l1", "universe": "u1", **changes})


def ordinals(*values):
    return np.array(values, dtype=np.int64)


def slots(catalog, asset="a"):
    return catalog.snapshot([asset], detail=[asset]).slots[asset]


def ver_seqs(catalog, asset="a"):
    columns = slots(catalog, asset)
    return dict(zip(columns.ordinal.tolist(), columns.ver_seq.tolist(), strict=True))


# ------------------------------------------------------------------------------- what is published


def test_a_new_catalog_is_empty(catalog, tmp_path):
    """Reading what was never written finds nothing, and makes nothing."""
    snapshot = catalog.snapshot(["a"], detail=["a"])

    assert snapshot.seq == 0
    assert not snapshot.assets
    assert not snapshot.slots
    assert not snapshot.dynamic
    assert catalog.runs().num_rows == catalog.history("a").num_rows == 0
    assert list(catalog.published("a")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_commit_is_read_back_whole(catalog):
    """Each field of a materialization comes back as it went in."""
    result = made(
        ordinal=7,
        version=2**127 + 5,
        basis=basis("x", "y", "z", "v", "w", "u"),
        data_time=after(-60),
        outcome=Outcome.UNCHANGED,
        partial=True,
        rows=10,
        bytes=2**40,
        duration=1.25,
        attempt=2,
        location="elsewhere/a.parquet",
        signature=FileSignature(size=2**40, mtime_ns=1_767_225_600_123_456_789, inode=9, etag="e"),
        schema="{}",
        metadata={"note": "é", "n": [1, 2]},
    )

    catalog.commit(commit(result))

    assert list(catalog.published("a")) == [result]


def test_the_versions_of_inputs_are_left_to_the_file(catalog):
    """A catalog keeps digest and count of an input, not the list of what was consumed."""
    result = made(basis=basis("x"))
    listed = replace(result, inputs=(replace(result.inputs[0], versions=(("k", "0" * 32),)),))

    catalog.commit(commit(listed))

    assert list(catalog.published("a")) == [result]


def test_unpartitioned_and_bare_results(catalog):
    """A slot without partition, rows, bytes or signature has None for each."""
    result = made(partition=None, basis=basis())

    catalog.commit(commit(result))

    assert next(catalog.published("a")) == result
    columns = slots(catalog)
    assert (columns.size[0], columns.mtime_ns[0], columns.inode[0]) == (-1, -1, -1)
    assert columns.data_time[0] == NO_TIME


def test_columns_are_by_ordinal(catalog):
    """A snapshot lists slots by ordinal, whatever the order of commits."""
    catalog.commit(commit(made(ordinal=9), made(ordinal=4), made("b", 1), commit_id="1"))
    catalog.commit(commit(made("b", 0), made(ordinal=-3), made(ordinal=6), commit_id="2"))

    snapshot = catalog.snapshot(["a", "b"])

    assert snapshot.slots["a"].ordinal.tolist() == [-3, 4, 6, 9]
    assert snapshot.slots["b"].ordinal.tolist() == [0, 1]
    assert catalog.slot_keys("a")[0].tolist() == [-3, 4, 6, 9]
    assert list(catalog.slot_keys("a")[1]) == ["k-03", "k004", "k006", "k009"]


def test_detail_only_where_asked_for(catalog):
    """Versions and digests are read of the assets named in detail only."""
    catalog.commit(commit(made("a", basis=basis("x")), made("b", version=3, basis=basis("x", "y"))))

    snapshot = catalog.snapshot(["a", "b"], detail=["b"])

    light, full = snapshot.slots["a"], snapshot.slots["b"]
    assert not light.detailed
    assert len(light.version_hi) == len(light.digests) == 0
    assert full.detailed
    assert (full.version_hi[0], full.version_lo[0]) == split_version(f"{3:032x}")
    assert full.digests.tolist() == [[2**64 - 1, 2**64 - 2]]
    assert full.digests.dtype == np.uint64


def test_digests_beyond_the_columns_of_their_own(catalog):
    """Any number of inputs has digests; rows with fewer are filled up with zeros."""
    names = [f"u{i}" for i in range(7)]
    catalog.commit(commit(made(ordinal=0, basis=basis("x")), made(ordinal=1, basis=basis(*names))))

    digests = slots(catalog).digests.tolist()

    assert digests[1] == [2**64 - 1 - i for i in range(7)]
    assert digests[0] == [2**64 - 1, 0, 0, 0, 0, 0, 0]


def test_bases_are_shared_and_named(catalog):
    """Slots of one basis share its number, and a snapshot tells what it stands for."""
    old, new = basis("x"), basis("x", code="c1")
    catalog.commit(commit(made(ordinal=0, basis=old), made(ordinal=1, basis=old), commit_id="1"))
    catalog.commit(commit(made(ordinal=2, basis=new), commit_id="2"))

    snapshot = catalog.snapshot(["a"])

    assert [snapshot.bases[number] for number in snapshot.slots["a"].basis.tolist()] == [
        old,
        old,
        new,
    ]


def test_published_of_some(catalog):
    """Published slots can be asked for by ordinal; those not there are left out."""
    catalog.commit(commit(*(made(ordinal=i) for i in range(5))))

    assert [one.ordinal for one in catalog.published("a", ordinals(3, 1, 8))] == [1, 3]
    assert list(catalog.published("a", ordinals())) == []


# ------------------------------------------------------------------------------------ the sequence


def test_ver_seq_moves_with_the_content_only(catalog):
    """The same data version again keeps its number; another one takes the commit's."""
    first = catalog.commit(commit(made(ordinal=0), made(ordinal=1), commit_id="1"))
    again = made(ordinal=0, basis=basis(code="c9"), outcome=Outcome.UNCHANGED, run_id="r2")
    second = catalog.commit(commit(again, made(ordinal=1, version=2), commit_id="2"))

    assert ver_seqs(catalog) == {0: first.seq, 1: second.seq}
    assert next(catalog.published("a")) == again


def test_read_seq_is_raised_where_nobody_wrote_in_between(catalog):
    """A run that knew all up to the commit has read at the commit."""
    known = catalog.commit(commit(made("x"), commit_id="1")).seq
    receipt = catalog.commit(
        commit(made(ordinal=0), made(ordinal=1), reads=(known, known - 1), commit_id="2")
    )

    assert receipt.previous_seq == known
    assert slots(catalog).read_seq.tolist() == [receipt.seq, known - 1]


def test_a_change_during_a_run_is_seen(catalog):
    """What another one wrote since is newer than what the run read."""
    known = catalog.commit(commit(made("x"), commit_id="1")).seq
    between = catalog.commit(commit(made("x", version=2), commit_id="2")).seq
    catalog.commit(commit(made("a"), reads=(known,), commit_id="3"))

    assert slots(catalog).read_seq[0] == known < between == ver_seqs(catalog, "x")[0]


def test_a_commit_counts_once(catalog):
    """A commit that is repeated returns its first receipt and changes nothing."""
    one = commit(made(), steps=(ended(),), failures=(failed(ordinal=3),))
    first = catalog.commit(one)
    catalog.commit(commit(made(version=2), commit_id="c2"))

    assert catalog.commit(one) == first
    assert next(catalog.published("a")).data_version == f"{2:032x}"
    assert catalog.history("a").num_rows == 2
    assert catalog.steps("r1").num_rows == 2


def test_every_write_that_plans_depend_on_moves_the_sequence(catalog):
    """Definitions, slots, leases, observations, dynamic partitions: each takes a number."""
    catalog.start_run(run())
    seen = [catalog.snapshot([]).seq]
    for write in (
        lambda: catalog.describe([row()]),
        lambda: catalog.claim("r1", [claim("a", 0)]),
        lambda: catalog.commit(commit(made())),
        lambda: catalog.observe([observation()]),
        lambda: catalog.change_partitions("customers", add=["x"]),
        lambda: catalog.delete_slots("a", None, NOON),
        lambda: catalog.release("r1"),
        lambda: catalog.rename_asset("a", "b"),
    ):
        write()
        seen.append(catalog.snapshot([]).seq)

    assert seen == list(range(len(seen)))


def test_writes_that_change_nothing_leave_the_sequence(catalog):
    """Saying again what is known, and signs of life, are no news."""
    catalog.describe([row()])
    catalog.change_partitions("customers", add=["x"])
    seq = catalog.snapshot([]).seq

    catalog.describe([row()])
    catalog.change_partitions("customers", add=["x"], remove=["y"])
    catalog.start_run(run())
    catalog.heartbeat("r1", after(1))
    catalog.release("r1")
    catalog.observe([])

    assert catalog.snapshot([]).seq == seq
    assert catalog.delete_slots("a", None, NOON) == 0


# ------------------------------------------------------------------------------------- definitions


def test_describe_tells_when_the_universe_changed(catalog):
    """A new universe takes a new number; a new text about the definition does not."""
    first = catalog.describe([row("a"), row("b")])
    second = catalog.describe([row("a", universe="u2"), row("b", definition='{"x": 1}')])

    assert second["a"] > first["a"]
    assert second["b"] == first["b"]
    assert catalog.snapshot(["b"]).assets["b"].definition == '{"x": 1}'


def test_describe_leaves_the_layout(catalog):
    """Only a rebase takes a new layout, since it says what becomes of the slots."""
    catalog.describe([row()])
    catalog.describe([row(layout="l2", universe="u2")])

    assert catalog.snapshot(["a"]).assets["a"].layout == "l1"


def test_rebase_moves_results_of_checks(catalog):
    """What a check found stays with its slot where that gets another ordinal."""
    catalog.commit(commit(made(ordinal=3), checks=(checked(ordinal=3),)))
    catalog.rebase(row(layout="l2"), {3: 7})

    assert catalog.checks().to_pylist()[0]["ordinal"] == 7


def test_rebase_moves_slots_and_orphans(catalog):
    """Each slot gets its new ordinal; those without one get negative ones of their own."""
    catalog.describe([row()])
    catalog.commit(
        commit(
            *(made(ordinal=i, version=i) for i in range(4)),
            failures=(failed(ordinal=2, at=9), failed(ordinal=8)),
        )
    )
    catalog.observe([observation(ordinal=1)])

    catalog.rebase(row(layout="l2", universe="u2"), {0: 1, 1: 0, 2: -1})

    taken, texts = catalog.slot_keys("a")
    assert dict(zip(texts, taken.tolist(), strict=True)) == {
        "k000": 1,
        "k001": 0,
        "k002": -1,
        "k003": -2,
    }
    snapshot = catalog.snapshot(["a"])
    assert snapshot.assets["a"].layout == "l2"
    assert snapshot.assets["a"].universe_seq == snapshot.seq
    assert {one.ordinal for one in snapshot.failures} == {-1, 8}
    assert [one.ordinal for one in snapshot.observations] == [0]
    assert catalog.history("a", "k003")["ordinal"].to_pylist() == [-2]


def test_results_of_an_older_layout_are_refused(catalog):
    """A run that claimed under the old layout cannot write ordinals that now mean other slots."""
    catalog.describe([row()])
    catalog.start_run(run())
    grant = catalog.claim("r1", [claim("a", 0), claim("b", 0)])
    catalog.rebase(row(layout="l2"), {})

    receipt = catalog.commit(commit(made("a"), made("b"), fence=grant.fence))

    assert receipt.refused == (("a", 0),)
    assert len(slots(catalog, "b")) == 1
    again = catalog.claim("r1", [claim("a", 0)])
    assert catalog.commit(commit(made("a"), fence=again.fence, commit_id="c2")).refused == ()


def test_rename_keeps_slots_history_and_readers(catalog):
    """All that is known of an asset goes with it, and who read it has read the new name."""
    catalog.commit(commit(made("old", version=4), made("reader", basis=basis("other", "old"))))
    catalog.commit(commit(failures=(failed("old", 3),), steps=(ended("old"),), commit_id="c2"))

    catalog.rename_asset("old", "new")

    snapshot = catalog.snapshot(["old", "new", "reader"])
    assert set(snapshot.assets) == {"new", "reader"}
    assert [one.asset for one in catalog.published("new")] == ["new"]
    assert catalog.history("new")["data_version"].to_pylist() == [f"{4:032x}"]
    assert catalog.history("old").num_rows == 0
    reader = next(catalog.published("reader"))
    assert reader.basis.inputs == ("other", "new")
    assert [use.asset for use in reader.inputs] == ["other", "new"]
    assert [one.asset for one in snapshot.failures] == ["new"]
    assert set(catalog.steps("r1")["asset"].to_pylist()) == {"new"}


def test_rename_onto_a_described_key(catalog):
    """A key that is only described gives way; one with data does not."""
    catalog.describe([row("new")])
    catalog.commit(commit(made("old"), made("full")))

    with pytest.raises(CatalogError, match="published data of 'full'"):
        catalog.rename_asset("old", "full")
    catalog.rename_asset("old", "new")

    assert catalog.slot_keys("new")[0].tolist() == [0]
    with pytest.raises(UnknownAsset, match="Did you mean new"):
        catalog.rename_asset("nev", "newer")


def test_slots_get_other_keys(catalog):
    """Data, history and checks go along, with ordinals of orphans; readers see a new version."""
    catalog.describe([row()])
    catalog.commit(commit(made(version=1), made(ordinal=1), commit_id="c1"))
    catalog.commit(commit(made(version=2), checks=(checked(),), commit_id="c2"))
    old, seq = slots(catalog), catalog.snapshot([]).seq

    catalog.rename_slots("a", [NewKey(ordinal=0, partition="new", location="a/new")])

    snapshot = catalog.snapshot(["a"])
    assert snapshot.slots["a"].ordinal.tolist() == [-1, 1]
    assert snapshot.slots["a"].ver_seq.tolist() == [seq + 1, old.ver_seq[1]]
    assert snapshot.assets["a"].universe_seq == snapshot.seq == seq + 1
    assert catalog.slot_keys("a")[1] == ["new", "k001"]
    assert next(one.location for one in catalog.published("a")) == "a/new"
    assert catalog.history("a", "new")["data_version"].to_pylist() == [f"{v:032x}" for v in (2, 1)]
    assert catalog.history("a", "k000").num_rows == 0
    assert catalog.checks("a")["partition"].to_pylist() == ["new"]
    catalog.rename_slots("a", [NewKey(ordinal=1, partition="newer")])
    assert slots(catalog).ordinal.tolist() == [-2, -1]
    catalog.rename_slots("a", [])
    assert catalog.snapshot([]).seq == seq + 2
    with pytest.raises(UnknownAsset):
        catalog.rename_slots("b", [])


def test_a_basis_renamed_is_found_again(catalog):
    """After a rename, the same definition under the new name shares the old number."""
    catalog.commit(commit(made("old"), made("a", basis=basis("old")), commit_id="1"))
    catalog.rename_asset("old", "new")
    catalog.commit(commit(made("a", 1, basis=basis("new")), commit_id="2"))

    assert len(set(slots(catalog).basis.tolist())) == 1


# --------------------------------------------------------------------------------------- deletions


def test_deletion_leaves_a_tombstone(catalog):
    """A deleted slot is published no more; history knows when it went, and dependents are told."""
    catalog.describe([row()])
    catalog.commit(commit(made(ordinal=0), made(ordinal=1), made(ordinal=2)))

    assert catalog.delete_slots("a", ordinals(1, 2, 77), after(5)) == 2

    snapshot = catalog.snapshot(["a"])
    assert snapshot.slots["a"].ordinal.tolist() == [0]
    assert snapshot.assets["a"].universe_seq == snapshot.seq
    newest = catalog.history("a", "k001").slice(0, 1).to_pylist()[0]
    assert (newest["outcome"], newest["materialized_at"]) == ("deleted", after(5))
    assert catalog.history("a").num_rows == 5


def test_a_slot_built_again_after_its_deletion_is_new(catalog):
    """The same content after a deletion takes a new number: dependents saw it missing."""
    catalog.commit(commit(made(), commit_id="1"))
    catalog.delete_slots("a", None, NOON)
    receipt = catalog.commit(commit(made(), commit_id="2"))

    assert ver_seqs(catalog) == {0: receipt.seq}
    assert catalog.delete_slots("nobody", None, NOON) == 0


# ---------------------------------------------------------------------------------------- failures


def test_failures_count_while_their_fingerprint_stays(catalog):
    """The count is of the newest attempts in a row with one fingerprint."""
    old = [failed(at=i, fingerprint="f0") for i in range(3)]
    new = [failed(at=5 + i, fingerprint="f1", message=f"no {i}", attempt=i) for i in range(2)]
    catalog.commit(commit(failures=tuple(old), commit_id="1"))
    catalog.commit(commit(failures=tuple(new), commit_id="2"))

    (slot,) = catalog.snapshot(["a"]).failures

    assert (slot.fingerprint, slot.count, slot.message) == ("f1", 2, "no 1")
    assert (slot.failed_at, slot.error_type, slot.run_id) == (after(6), "ValueError", "r1")
    assert catalog.status().to_pylist()[0]["failing"] == 1


def test_success_clears_failures(catalog):
    """A success wipes the slate; a failure after it begins a new one."""
    catalog.commit(commit(failures=(failed(ordinal=0), failed(ordinal=1)), commit_id="1"))
    catalog.commit(commit(made(ordinal=0, materialized_at=after(3)), commit_id="2"))

    assert [one.ordinal for one in catalog.snapshot(["a"]).failures] == [1]

    catalog.commit(commit(failures=(failed(ordinal=0, at=9),), commit_id="3"))

    assert [(one.ordinal, one.count) for one in catalog.snapshot(["a"]).failures] == [
        (0, 1),
        (1, 1),
    ]
    assert catalog.steps("r1").num_rows == 3


def test_a_retry_that_worked_is_no_failure(catalog):
    """Within one commit, what failed before the success is cleared, what failed after is not."""
    catalog.commit(
        commit(
            made(ordinal=0, materialized_at=after(2)),
            made(ordinal=1, materialized_at=after(2)),
            failures=(failed(ordinal=0, at=1), failed(ordinal=1, at=3)),
        )
    )

    assert [one.ordinal for one in catalog.snapshot(["a"]).failures] == [1]


# ------------------------------------------------------------------------------------------ leases


def test_a_claim_gets_what_is_free(catalog):
    """Slots that another living run holds are not granted, and their holder is named."""
    catalog.start_run(run("r1"))
    catalog.start_run(run("r2"))
    first = catalog.claim("r1", [claim("a", 1, 2, 3, 7), claim("b", 0)])
    second = catalog.claim("r2", [claim("a", 3, 4, 5), claim("c", 1)])

    assert [(one.asset, one.ordinals.tolist()) for one in first.granted] == [
        ("a", [1, 2, 3, 7]),
        ("b", [0]),
    ]
    assert [(one.asset, one.ordinals.tolist()) for one in second.granted] == [
        ("a", [4, 5]),
        ("c", [1]),
    ]
    (busy,) = second.busy
    assert (busy.asset, busy.lo, busy.hi, busy.run_id, busy.fence) == ("a", 1, 4, "r1", first.fence)
    assert str(os.getpid()) in busy.owner
    assert "pytest" in busy.owner
    assert second.fence > first.fence


def test_leases_are_seen_in_snapshots(catalog):
    """A snapshot lists the leases on the assets asked for."""
    catalog.start_run(run())
    grant = catalog.claim("r1", [claim("a", 1, 2), claim("b", 5)])

    assert catalog.snapshot(["a"]).leases == (
        LeaseRow(
            asset="a",
            lo=1,
            hi=3,
            run_id="r1",
            fence=grant.fence,
            owner=f"process {ME.pid} on {ME.host} (pytest)",
        ),
    )


def test_claiming_again_is_harmless(catalog):
    """A run gets again what it holds, without a second lease."""
    catalog.start_run(run())
    catalog.claim("r1", [claim("a", 1, 2)])
    again = catalog.claim("r1", [claim("a", 1, 2, 3)])

    assert again.granted[0].ordinals.tolist() == [1, 2, 3]
    assert again.busy == ()
    assert [(one.lo, one.hi) for one in catalog.snapshot(["a"]).leases] == [(1, 3), (3, 4)]


@pytest.mark.parametrize(
    "give_back",
    [
        lambda catalog: catalog.release("r1"),
        lambda catalog: catalog.finish_run("r1", RunStatus.SUCCESS, after(1)),
    ],
    ids=["release", "finish"],
)
def test_leases_are_given_back(catalog, give_back):
    """A release and the end of a run free its slots."""
    catalog.start_run(run("r1"))
    catalog.start_run(run("r2"))
    catalog.claim("r1", [claim("a", 1)])
    give_back(catalog)

    assert catalog.claim("r2", [claim("a", 1)]).granted[0].ordinals.tolist() == [1]


def test_nothing_is_claimed_of_nothing(catalog):
    """A claim of no slots is granted nothing and changes nothing."""
    catalog.start_run(run())
    seq = catalog.snapshot([]).seq
    grant = catalog.claim("r1", [claim("a")])

    assert grant.granted == grant.busy == ()
    assert grant.seq == seq


def gone():
    """Return the owner of a process of this host that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return replace(ME, pid=child.pid)


def test_a_dead_owner_holds_nothing(catalog):
    """Leases of a process that is gone are ignored by readers, and dropped by the next claim."""
    catalog.start_run(run("r1", gone()))
    catalog.start_run(run("r2"))
    late = catalog.claim("r1", [claim("a", 1)])

    assert catalog.snapshot(["a"]).leases == ()
    assert catalog.claim("r2", [claim("a", 1)]).granted[0].ordinals.tolist() == [1]

    lost, _ = sorted(catalog.runs().to_pylist(), key=lambda one: one["run_id"])
    assert lost["status"] == "lost"
    assert lost["ended_at"] is not None
    assert catalog.commit(commit(made(ordinal=1), fence=late.fence)).refused == (("a", 1),)


def test_a_lost_run_is_never_shown_as_running(catalog):
    """Even before anyone comes by to bury it."""
    catalog.start_run(run("r1", gone()))

    assert catalog.runs()["status"].to_pylist() == ["lost"]
    assert not catalog.ask_cancel("r1")


def test_a_late_result_is_refused_even_after_the_other_is_done(catalog):
    """Who was taken for dead cannot overwrite what was built in its place meanwhile."""
    catalog.start_run(run("r1", gone()))
    catalog.start_run(run("r2"))
    late = catalog.claim("r1", [claim("a", 1, 2)])
    grant = catalog.claim("r2", [claim("a", 1)])
    catalog.commit(commit(made(ordinal=1, version=2, run_id="r2"), run_id="r2", fence=grant.fence))
    catalog.finish_run("r2", RunStatus.SUCCESS, after(1))

    receipt = catalog.commit(commit(made(ordinal=1), commit_id="late", fence=late.fence))

    assert receipt.refused == (("a", 1),)
    assert next(catalog.published("a")).data_version == f"{2:032x}"


def test_only_what_another_holds_is_refused(catalog):
    """The rest of a commit is written."""
    catalog.start_run(run("r1"))
    catalog.start_run(run("r2"))
    catalog.claim("r2", [claim("a", 1)])

    receipt = catalog.commit(commit(made(ordinal=0), made(ordinal=1), made(ordinal=2)))

    assert receipt.refused == (("a", 1),)
    assert slots(catalog).ordinal.tolist() == [0, 2]


def test_owners_on_other_hosts_live_by_heartbeats(catalog, clock):
    """A minute of silence is death; until then, a heartbeat keeps a run alive."""
    far = Owner(host="far-away", pid=1, command="assetkit")
    catalog.start_run(run("r1", far))
    catalog.claim("r1", [claim("a", 0)])

    clock.now = after(50)
    assert not catalog.heartbeat("r1", clock.now)
    clock.now = after(105)
    assert len(catalog.snapshot(["a"]).leases) == 1
    clock.now = after(111)
    assert catalog.snapshot(["a"]).leases == ()


def test_a_run_file_decides_on_one_host(catalog, tmp_path):
    """A run that began with a run file lives as long as that is locked, whatever its pid."""
    guard = RunGuard(tmp_path / "runs" / "r1.lock")
    with guard:
        catalog.start_run(run("r1", this_process()))
        catalog.claim("r1", [claim("a", 0)])
        assert len(catalog.snapshot(["a"]).leases) == 1

    assert catalog.snapshot(["a"]).leases == ()


def test_a_pid_used_again_is_another_process(catalog):
    """The start time of a process tells it from a later one with its pid."""
    me = this_process()
    catalog.start_run(run("r1", me))
    catalog.start_run(run("r2", replace(me, started=me.started + 500)))

    status = {one["run_id"]: one["status"] for one in catalog.runs().to_pylist()}

    assert status == {"r1": "running", "r2": "lost"}


def test_who_was_taken_for_dead_may_claim_again(catalog, clock):
    """A run that comes back is running again; what it claimed before stays void."""
    far = Owner(host="far-away", pid=1, command="assetkit")
    catalog.start_run(run("r1", far))
    catalog.start_run(run("r2"))
    old = catalog.claim("r1", [claim("a", 0)])
    clock.now = after(100)
    catalog.claim("r2", [claim("b", 0)])
    assert catalog.runs(run_id="r1")["status"].to_pylist() == ["lost"]

    catalog.heartbeat("r1", clock.now)
    new = catalog.claim("r1", [claim("a", 0)])

    assert catalog.runs(run_id="r1")["status"].to_pylist() == ["running"]
    assert catalog.commit(commit(made(), fence=old.fence, commit_id="1")).refused == (("a", 0),)
    assert catalog.commit(commit(made(), fence=new.fence, commit_id="2")).refused == ()


# ------------------------------------------------------------------------ runs and what they took


def test_runs_newest_first(catalog):
    """Runs are listed by start, newest first; one can be asked for."""
    for i in range(3):
        catalog.start_run(run(f"r{i}", started_at=after(i), tags={"team": "x"}))
    catalog.finish_run("r1", RunStatus.FAILED, after(3.5), "one step failed")

    assert catalog.runs()["run_id"].to_pylist() == ["r2", "r1", "r0"]
    assert catalog.runs(limit=2)["run_id"].to_pylist() == ["r2", "r1"]
    (one,) = catalog.runs(run_id="r1").to_pylist()
    assert one == {
        "run_id": "r1",
        "status": "failed",
        "origin": "python",
        "started_at": after(1),
        "ended_at": after(3.5),
        "duration": 2.5,
        "targets": ["a"],
        "steps": 3,
        "tags": '{"team": "x"}',
        "message": "one step failed",
        "host": ME.host,
        "pid": ME.pid,
        "command": "pytest",
        "heartbeat_at": after(1),
    }


def test_a_run_may_be_begun_again(catalog):
    """Repeating the start of a run leaves one run."""
    catalog.start_run(run())
    catalog.start_run(run(steps=9))

    assert catalog.runs()["steps"].to_pylist() == [9]


def test_a_run_begins_with_all_that_it_needs_in_one_write(catalog):
    """Definitions, the run and its leases are written down together, under one number."""
    before = catalog.snapshot(["a"]).seq

    grant = catalog.begin(run(), [row()], [claim("a", 1, 2)])

    assert grant.seq == catalog.snapshot(["a"]).seq == before + 1
    assert grant.granted[0].ordinals.tolist() == [1, 2]
    assert [one.asset for one in catalog.asset_rows()] == ["a"]
    assert catalog.runs()["status"].to_pylist() == ["running"]
    assert catalog.begin(run("r2"), [], [claim("a", 2)]).busy[0].run_id == "r1"


def test_a_run_ends_with_its_last_results(catalog):
    """They are taken as a commit of their own would be, and refused where a lease was lost."""
    grant = catalog.begin(run(), [row()], [claim("a", 1)])
    catalog.begin(run("r2"), [], [claim("a", 2)])
    last = commit(made(ordinal=1), made(ordinal=2), fence=grant.fence)

    receipt = catalog.finish_run("r1", RunStatus.SUCCESS, after(1), last=last)

    assert receipt.refused == (("a", 2),)
    assert [one.ordinal for one in catalog.published("a")] == [1]
    assert catalog.runs(run_id="r1")["status"].to_pylist() == ["success"]
    assert not [one for one in catalog.snapshot(["a"]).leases if one.run_id == "r1"]
    assert catalog.finish_run("r2", RunStatus.SUCCESS, after(1)) is None


def test_a_run_is_called_as_soon_as_it_is_asked_to_stop(catalog):
    """Whoever works on it need not wait for its next heartbeat."""
    with catalog.guard("r1"):
        catalog.start_run(run())
        before = catalog.is_called("r1")
        catalog.ask_cancel("r1")

        assert [False, True] == [before, catalog.is_called("r1")]
    assert not catalog.is_called("nobody")


def test_adopted_results_make_no_run(catalog):
    """Results of runs that the catalog never saw begin are history, not runs."""
    catalog.commit(commit(made(run_id="ancient"), made("b", run_id="older")))

    assert catalog.runs().num_rows == 0
    assert catalog.history("a")["run_id"].to_pylist() == ["ancient"]


def test_cancellation_is_asked_for_and_heard(catalog):
    """A running run hears of it at its next heartbeat; an ended one is not asked."""
    catalog.start_run(run())

    assert catalog.heartbeat("r1", after(1)) is False
    assert catalog.ask_cancel("r1") is True
    assert catalog.heartbeat("r1", after(2)) is True

    catalog.finish_run("r1", RunStatus.CANCELLED, after(3))
    assert catalog.ask_cancel("r1") is False
    assert catalog.ask_cancel("nobody") is False
    assert catalog.heartbeat("nobody", after(1)) is False


def test_events_of_a_run_in_order_of_time(catalog):
    """Ended steps and failed attempts are told in the order in which they happened."""
    catalog.commit(
        commit(
            failures=(failed(at=1), failed(at=2, attempt=2)),
            steps=(
                ended(outcome=Outcome.FAILED, at=2.5, attempts=2, duration=1.5),
                ended("b", outcome=Outcome.BLOCKED, at=3, reason="a failed", log="logs/b.txt"),
                ended("x", at=0),
            ),
        )
    )
    catalog.commit(commit(steps=(ended(run_id="r2"),), run_id="r2", commit_id="c2"))

    events = catalog.steps("r1").to_pylist()

    assert [(one["asset"], one["event"], one["attempt"]) for one in events] == [
        ("x", "materialized", 1),
        ("a", "attempt failed", 1),
        ("a", "attempt failed", 2),
        ("a", "failed", 2),
        ("b", "blocked", 1),
    ]
    assert events[1]["traceback"] == "Traceback: no"
    assert events[1]["message"] == "no"
    assert (events[4]["reason"], events[4]["log"]) == ("a failed", "logs/b.txt")
    assert events[3]["duration"] == 1.5
    assert events[3]["time"] == after(2.5)


def test_history_newest_first(catalog):
    """Each materialization is told, newest first, of one partition where asked."""
    for i in range(3):
        results = (made(ordinal=0, version=i, rows=i, metadata={"i": i}), made(ordinal=1))
        catalog.commit(commit(*results, commit_id=str(i)))

    rows = catalog.history("a", "k000").to_pylist()

    assert [one["rows"] for one in rows] == [2, 1, 0]
    assert rows[0]["data_version"] == f"{2:032x}"
    assert rows[0]["metadata"] == '{"i": 2}'
    assert rows[0]["code"] == "c0"
    assert rows[0]["bytes"] is None
    assert rows[0]["data_time"] is None
    assert catalog.history("a").num_rows == 6
    newest = catalog.history("a", limit=2)
    assert newest.equals(catalog.history("a").slice(0, 2))


def test_a_block_of_reads_sees_one_catalog(catalog):
    """All that is asked inside is answered; what is written afterwards is seen after it."""
    catalog.commit(commit(made(ordinal=4, rows=7), commit_id="1"))
    with catalog.reading():
        assert catalog.slot_keys("a")[0].tolist() == [4]
        with pytest.raises(ZeroDivisionError), catalog.reading():
            _ = catalog.history("a").num_rows / 0
        assert catalog.slot_sizes("a")[1].tolist() == [7]
    catalog.commit(commit(made(ordinal=5), commit_id="2"))
    assert catalog.slot_keys("a")[0].tolist() == [4, 5]


def test_sizes_of_slots(catalog):
    """Rows and bytes of what is published now, as numbers; -1 where they are not known."""
    catalog.commit(commit(made(ordinal=4, rows=7), made(ordinal=2), commit_id="1"))
    catalog.commit(commit(made(ordinal=4, rows=9, bytes=30, version=2), commit_id="2"))

    ordinals, rows, sizes = catalog.slot_sizes("a")

    assert ordinals.tolist() == [2, 4]
    assert rows.tolist() == [-1, 9]
    assert sizes.tolist() == [-1, 30]
    assert [one.tolist() for one in catalog.slot_sizes("unknown")] == [[], [], []]


def test_versions_tell_what_was_published_and_when_it_last_changed(catalog):
    """All versions of each slot in numbers, replaced ones too; the same content keeps its seq."""
    for i, version in enumerate((1, 1, 2)):
        results = (made(ordinal=1, version=version, data_time=after(i)), made(ordinal=0, version=i))
        catalog.commit(commit(*results, commit_id=str(i)))
    catalog.delete_slots("a", np.array([0]), NOON)

    found = catalog.versions("a")

    assert found.ordinal.tolist() == [0, 0, 0, 1, 1, 1]
    first, second, third = found.seq[3:].tolist()
    assert found.ver_seq[3:].tolist() == [first, first, third]
    assert first < second < third
    assert np.diff(found.data_time[3:]).tolist() == [1_000_000, 1_000_000]
    assert found.data_time[0] == NO_TIME
    assert len(set(found.materialized_at.tolist())) == 1
    assert len(catalog.versions("unknown").ordinal) == 0


def test_status_sums_up_what_is_published(catalog):
    """One line per asset: slots, rows, bytes, newest times; nothing unknown is made up."""
    catalog.describe([row("empty")])
    catalog.commit(
        commit(
            made(
                ordinal=0,
                rows=3,
                bytes=10,
                materialized_at=after(4),
                data_time=after(1),
                metadata={"n": 1},
            ),
            made(ordinal=1, rows=None, bytes=5, partial=True),
        )
    )

    full, empty = catalog.status().to_pylist()

    assert full == {
        "asset": "a",
        "slots": 2,
        "rows": 3,
        "bytes": 15,
        "materialized_at": after(4),
        "data_time": after(1),
        "partial": 1,
        "failing": 0,
        "failed_checks": 0,
        "warnings": 0,
        "metadata": '{"n": 1}',
    }
    assert (empty["asset"], empty["slots"], empty["rows"], empty["data_time"]) == (
        "empty",
        0,
        None,
        None,
    )


def test_the_last_look_at_each_slot_counts(catalog):
    """Results of checks come back whole; those on versions replaced since are left out."""
    first = checked(passed=False, blocking=True, metadata={"rows": 3}, description="Three")
    catalog.commit(commit(made(), made(ordinal=1), checks=(first, checked(ordinal=1))))
    catalog.write_checks([checked(at=9, run_id="look"), checked(check="unique", at=9)])

    assert [
        (row["asset"], row["partition"], row["check"], row["passed"], row["run_id"])
        for row in catalog.checks().to_pylist()
    ] == [
        ("a", "k000", "not_null", True, "look"),
        ("a", "k000", "unique", True, "r1"),
        ("a", "k001", "not_null", True, "r1"),
    ]
    found = catalog.checks(run_id="r1").to_pylist()
    assert found[0] == {
        "asset": "a",
        "partition": "k000",
        "ordinal": 0,
        "check": "not_null",
        "passed": False,
        "severity": "error",
        "blocking": True,
        "description": "Three",
        "checked_at": after(0),
        "run_id": "r1",
        "metadata": '{"rows": 3}',
    }
    assert catalog.checks("b").num_rows == 0
    catalog.commit(commit(made(materialized_at=after(20)), commit_id="c2"))
    assert {row["ordinal"] for row in catalog.checks("a").to_pylist()} == {1}
    catalog.rename_asset("a", "z")
    assert catalog.checks("z").num_rows == 1


def test_the_columns_of_slots_made_in_one_way(catalog):
    """The newest published slot of the same basis tells, whatever its inputs are called."""
    old, new = basis("x"), basis("x", code="c1")
    catalog.commit(commit(made(basis=old, schema="s0"), made(ordinal=1, basis=new, schema="s1")))
    catalog.commit(commit(made(ordinal=2, basis=old, schema="s2"), commit_id="c2"))
    catalog.commit(commit(made(ordinal=3, basis=old), made("b", 9, schema="b"), commit_id="c3"))

    assert catalog.columns_of("a", basis("y")) == "s2"
    assert catalog.columns_of("a", new) == "s1"
    assert catalog.columns_of("a", basis(code="c2")) is None
    assert catalog.columns_of("z", old) is None


def test_status_counts_checks_that_did_not_pass(catalog):
    """Errors and warnings of the last look are counted apart; a result not published, too."""
    catalog.commit(
        commit(
            made(),
            checks=(
                checked(passed=False),
                checked(check="w", passed=False, severity="warn"),
                checked(ordinal=1, passed=False, blocking=True),
                checked(check="ok"),
            ),
        )
    )

    found = catalog.status().to_pylist()[0]
    assert (found["failed_checks"], found["warnings"]) == (2, 1)


def test_estimates_come_from_the_newest_results(catalog):
    """The end of a run refreshes what its assets are expected to take: the newest 200 count."""
    old = [made(ordinal=i, duration=100.0) for i in range(150)]
    new = [made(ordinal=i, duration=1.0, rows=10, bytes=100, run_id="r2") for i in range(190)]
    catalog.start_run(run("r1"))
    catalog.commit(commit(*old, commit_id="1"))
    catalog.finish_run("r1", RunStatus.SUCCESS, after(1))
    catalog.start_run(run("r2"))
    catalog.commit(commit(*new, commit_id="2"))
    catalog.finish_run("r2", RunStatus.SUCCESS, after(2))

    estimate = catalog.snapshot(["a"]).estimates["a"]

    assert estimate.count == 200
    assert estimate.seconds == pytest.approx((190 * 1 + 10 * 100) / 200)
    assert 1 < estimate.seconds_p95 < 100
    assert (estimate.rows, estimate.bytes) == (10, 100)


# -------------------------------------------------------- observations, dynamic partitions, export


def observation(asset="a", ordinal=0, version=1, **changes):
    values = {
        "asset": asset,
        "partition": f"k{ordinal:03d}",
        "ordinal": ordinal,
        "data_version": f"{version:032x}",
        "observed_at": NOON,
    }
    return Observation(**{**values, **changes})


def test_the_newest_observation_counts(catalog):
    """Each slot has the last thing that was seen of it."""
    catalog.observe([observation(ordinal=0), observation(ordinal=1, data_time=after(-9))])
    newest = observation(ordinal=0, version=2, metadata={"rows": 3}, observed_at=after(1))
    catalog.observe([newest])

    seen = catalog.snapshot(["a"]).observations

    assert seen == (newest, observation(ordinal=1, data_time=after(-9)))
    assert catalog.snapshot(["b"]).observations == ()


def test_dynamic_partitions_keep_their_ordinals(catalog):
    """An ordinal belongs to one key for ever; a key added again gets its own back."""
    assert catalog.change_partitions("customers", add=["a", "b", "c"]) == ()
    assert catalog.change_partitions("customers", remove=["b", "x"]) == ("x",)
    assert catalog.change_partitions("customers", add=["d", "a"]) == ("a",)
    assert catalog.change_partitions("others", add=["z"]) == ()

    assert catalog.snapshot([]).dynamic == {
        "customers": ((0, "a"), (2, "c"), (3, "d")),
        "others": ((0, "z"),),
    }

    catalog.change_partitions("customers", add=["b"])
    assert (1, "b") in catalog.snapshot([]).dynamic["customers"]


def test_many_dynamic_partitions_at_once(catalog):
    """Thousands of keys are one write; what one call adds and removes again is not there."""
    keys = [f"k{number}" for number in range(5_000)]

    assert catalog.change_partitions("customers", add=keys, remove=["k7"]) == ()

    known = dict(catalog.snapshot([]).dynamic["customers"])
    assert len(known) == 4_999
    assert known[4_999] == "k4999"
    assert 7 not in known
    assert catalog.change_partitions("customers", add=["k7"]) == ()
    assert dict(catalog.snapshot([]).dynamic["customers"])[7] == "k7"


def test_a_renamed_asset_takes_its_folder_along(catalog):
    """Data in the asset's own folder is found under the new name; data elsewhere stays there."""
    own, foreign = made(ordinal=0, location="a/k=0/part.parquet"), made(ordinal=1, location="/x/y")
    catalog.commit(commit(own, foreign))

    catalog.rename_asset("a", "shop/b")

    found = [one.location for one in catalog.published("shop/b")]
    assert found == ["shop/b/k=0/part.parquet", "/x/y"]


def backfill(name="b1", **changes):
    return BackfillRecord(
        **{
            "backfill_id": name,
            "created_at": NOON,
            "targets": ("a",),
            "request": {"slots": {"a": [[0, 3]]}},
            "slots": 3,
            **changes,
        }
    )


def test_a_backfill_is_written_and_written_anew(catalog):
    """The first writing takes a number of the sequence, which stays through later ones."""
    assert catalog.backfills() == []
    catalog.change_partitions("others", add=["z"])

    seq = catalog.write_backfill(backfill())
    catalog.change_partitions("others", add=["y"])
    ended = backfill(
        status=RunStatus.FAILED, runs=("r1", "r2"), ended_at=after(5), message="2 failed"
    )

    assert catalog.write_backfill(ended) == seq
    assert catalog.backfills("b1") == [replace(ended, seq=seq)]
    assert seq < catalog.snapshot([]).seq


def test_backfills_are_listed_newest_first(catalog):
    """All are listed by when they began; an unknown id finds none."""
    catalog.write_backfill(backfill("old", created_at=after(-9)))
    catalog.write_backfill(backfill("new"))

    assert [one.backfill_id for one in catalog.backfills()] == ["new", "old"]
    assert catalog.backfills("other") == []


def test_both_catalogs_export_the_same(tmp_path, clock):
    """What was done to both is told by both in the same tables."""
    catalogs = [
        MemoryCatalog(runs=tmp_path / "runs", clock=clock),
        DuckDBCatalog(tmp_path / "catalog.duckdb", clock=clock),
    ]
    for catalog in catalogs:
        catalog.describe([row("a"), row("b", universe="u2")])
        catalog.start_run(run())
        grant = catalog.claim("r1", [claim("a", 0, 1, 2), claim("b", 5)])
        results = (
            made(ordinal=0, basis=basis("x", "y"), rows=1, signature=FileSignature(size=3)),
            made("b", 5, version=9, basis=basis(*"uvwxyz"), metadata={"n": 1}, schema="s"),
        )
        catalog.commit(
            commit(
                *results,
                fence=grant.fence,
                failures=(failed(ordinal=1),),
                steps=(ended(), ended()),
                checks=(checked(), checked("b", 5, metadata={"n": 1})),
            )
        )
        catalog.commit(commit(made(version=4), commit_id="c2", fence=grant.fence))
        catalog.observe([observation("s", 3)])
        catalog.change_partitions("customers", add=["x", "y"], remove=["x"])
        catalog.delete_slots("b", None, after(9))

    first, second = (catalog.export() for catalog in catalogs)

    assert first.keys() == second.keys()
    for name, table in first.items():
        assert table.to_pylist() == second[name].to_pylist(), name
        assert table.schema == second[name].schema


def test_times_are_in_utc(catalog):
    """Whatever the zone of a time, it comes back as the same moment, in UTC."""
    zone = NOON.astimezone().tzinfo
    catalog.commit(commit(made(materialized_at=NOON.astimezone(zone))))

    moment = next(catalog.published("a")).materialized_at

    assert moment == NOON
    assert moment.utcoffset() == timedelta(0)
    assert str(catalog.history("a").schema.field("materialized_at").type) == "timestamp[us, tz=UTC]"


def test_a_closed_catalog_may_be_used_again(catalog):
    """Closing lets go of resources, not of what is known."""
    catalog.commit(commit(made()))
    catalog.close()

    assert catalog.slot_keys("a")[0].tolist() == [0]


LATER = timedelta(days=40)


def test_old_history_is_forgotten(catalog):
    """Replaced results, settled failures, steps, superseded checks and their runs go."""
    catalog.start_run(run())
    catalog.commit(commit(made(), failures=(failed(),), steps=(ended(),), checks=(checked(),)))
    catalog.finish_run("r1", RunStatus.SUCCESS, after(10))
    later = {"run_id": "r2", "materialized_at": NOON + LATER}
    catalog.start_run(run("r2", started_at=NOON + LATER))
    catalog.commit(
        commit(
            made(version=2, **later),
            commit_id="c2", run_id="r2",
            checks=(checked(run_id="r2", checked_at=NOON + LATER),),
        )
    )  # fmt: skip
    catalog.finish_run("r2", RunStatus.SUCCESS, NOON + LATER)

    seen = catalog.prune(NOON + LATER, dry_run=True)
    assert (seen["results"], seen["attempts"], seen["steps"], seen["checks"]) == (1, 1, 1, 1)
    assert len(catalog.history("a")) == 2

    done = catalog.prune(NOON + LATER, dry_run=False)

    assert done == {"results": 1, "attempts": 1, "steps": 1, "checks": 1, "runs": 1}
    assert catalog.runs().column("run_id").to_pylist() == ["r2"]
    assert [one.data_version for one in catalog.published("a")] == [f"{2:032x}"]
    assert catalog.history("a").column("run_id").to_pylist() == ["r2"]
    assert sum(catalog.prune(NOON + LATER, dry_run=False).values()) == 0


def test_what_still_counts_is_no_history(catalog):
    """However old: what is published, what fails, tombstones, runs that are on, and backfills."""
    catalog.start_run(run())
    catalog.commit(
        commit(made(), made(ordinal=1), failures=(failed(ordinal=2),), checks=(checked(),))
    )
    catalog.delete_slots("a", np.array([1]), after(1))
    catalog.finish_run("r1", RunStatus.FAILED, after(10))
    catalog.start_run(run("r2"))
    before = catalog.snapshot(["a"], detail=["a"])

    assert sum(catalog.prune(NOON + LATER, dry_run=False).values()) == 1, "what the tombstone is of"

    after_all = catalog.snapshot(["a"], detail=["a"])
    assert after_all.failures == before.failures
    assert after_all.slots["a"].version_lo.tolist() == before.slots["a"].version_lo.tolist()
    assert len(catalog.runs()) == 2
    assert "deleted" in catalog.history("a").column("outcome").to_pylist()
