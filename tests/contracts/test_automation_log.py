"""What every catalog remembers of automation: one suite over the file and the catalog in memory."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from assetkit.catalog.automation import AutomationState, TickRecord, TickStatus, guard_name
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.catalog.memory import MemoryCatalog
from assetkit.errors import DaemonReplaced
from assetkit.records import Owner
from tests.catalog.records import ME, NOON, after


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


def tick(key="1", source="schedule:nightly", **changes):
    return TickRecord(source=source, key=key, **{"instant": NOON, **changes})


def state(name="sensor:inbox", **changes):
    return AutomationState(name=name, **{"since": NOON, **changes})


def ids(ticks):
    return [(one.source, one.key) for one in ticks]


def test_states_are_found_by_how_their_names_begin(catalog):
    """All of them, those of one kind, and with each snapshot those that hold assets back."""
    held, told = state("hold:prices", outcome="held"), state("told:mail:prices")
    catalog.automation.note([], [held, told, state()])

    assert [one.name for one in catalog.automation.states()] == [
        "hold:prices",
        "sensor:inbox",
        "told:mail:prices",
    ]
    assert catalog.automation.states(prefix="told:") == [told]
    assert catalog.automation.states(prefix="toldx") == []
    assert catalog.snapshot([]).holds == (held,)


def test_nothing_is_known_at_first(catalog, tmp_path):
    """Looking finds nothing, and makes nothing."""
    log = catalog.automation

    assert log.ticks() == log.states() == []
    assert log.daemon() is None
    assert list(tmp_path.iterdir()) == []


def test_a_tick_is_written_once(catalog):
    """What is there of a source and a key stays as it was; only what is new is returned."""
    log = catalog.automation
    [first] = log.note([tick(request={"partitions": ["a"]}, message="due at noon")])
    again = log.note([tick(message="another"), tick("2"), tick("2"), tick(source="sensor:x")])

    assert first.seq == catalog.snapshot([]).seq - 1 > 0
    assert ids(again) == [("schedule:nightly", "2"), ("sensor:x", "1")]
    assert log.ticks(source="schedule:nightly")[-1] == first


def test_states_are_written_with_the_ticks(catalog):
    """A cursor and what it stands for are one writing; a state alone takes no number."""
    log = catalog.automation
    log.note([tick()], [state(cursor="7", outcome="requested", count=1)])
    seq = catalog.snapshot([]).seq
    newer = state(cursor=None, checked_at=after(3), outcome="failed", message="no", count=2)
    log.note([], [newer, state("schedule:b", since=after(-9))])

    assert log.states() == [state("schedule:b", since=after(-9)), newer]
    assert catalog.snapshot([]).seq == seq


def test_a_tick_is_brought_up_to_date(catalog):
    """Each field comes back as it went in; open ticks are found among all."""
    log = catalog.automation
    [first] = log.note([tick()])
    log.note([tick("2", instant=after(60))])
    ended = replace(
        first,
        status=TickStatus.FAILED,
        runs=("r1", "r2"),
        started_at=after(1),
        ended_at=after(2),
        message="1 failed",
    )
    log.update(ended)

    assert log.ticks() == [tick("2", instant=after(60), seq=first.seq + 1), ended]
    assert ids(log.ticks(open_only=True)) == [("schedule:nightly", "2")]
    assert ids(log.ticks(limit=1)) == [("schedule:nightly", "2")]


def test_old_ticks_are_forgotten(catalog):
    """The newest of each source stay, and what is open, and all keys of sensors."""
    log = catalog.automation
    done = TickStatus.SUCCESS
    log.note([tick(str(n), instant=after(n), status=done) for n in range(5)])
    log.note([tick("open", instant=after(-9)), tick("b", "assets", status=done)])
    log.note([tick(str(n), "sensor:inbox", status=done) for n in range(3)])

    assert log.forget(keep=2) == 3
    assert log.forget(keep=2) == 0
    assert sorted(ids(log.ticks())) == [
        ("assets", "b"),
        *(("schedule:nightly", key) for key in ("3", "4", "open")),
        *(("sensor:inbox", key) for key in ("0", "1", "2")),
    ]


def test_one_daemon_holds_the_workspace(catalog):
    """A second one is told who does; given back, the lease is free."""
    log = catalog.automation
    with catalog.guard(guard_name("one")):
        held = log.hold("one", ME, NOON)
        other = log.hold("two", ME, NOON)
        again = log.hold("one", ME, after(9))
        log.let_go("two")

    assert held.holder == other.holder == again.holder == "one"
    assert again.started_at == NOON
    log.let_go("one")
    assert log.daemon() is None
    assert log.hold("two", ME, NOON).holder == "two"


def test_the_lease_of_a_dead_daemon_is_free(catalog):
    """A process that is gone holds nothing, whether or not it had a guard."""
    log = catalog.automation
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    log.hold("one", replace(ME, pid=int(gone.stdout)), NOON)

    assert not log.daemon().alive
    assert log.hold("two", ME, NOON).holder == "two"
    assert log.daemon().alive


def test_a_silent_daemon_of_another_host_is_taken_for_dead(catalog, clock):
    """Of other hosts only the heartbeat is seen."""
    log = catalog.automation
    log.hold("far", Owner(host="elsewhere", pid=os.getpid(), command="assetkit daemon"), NOON)
    assert log.hold("near", ME, NOON).holder == "far"

    clock.now = NOON + timedelta(minutes=2)

    assert log.hold("near", ME, NOON).holder == "near"


def test_who_lost_the_lease_may_not_write(catalog):
    """Neither ticks nor states of a holder that was replaced are taken."""
    log = catalog.automation
    [known] = log.note([tick()])
    log.hold("two", ME, NOON)

    with pytest.raises(DaemonReplaced, match=f"process {ME.pid}"):
        log.note([tick("2")], [state()], holder="one")
    with pytest.raises(DaemonReplaced):
        log.update(replace(known, message="late"), holder="one")
    log.let_go("two")
    with pytest.raises(DaemonReplaced, match="nobody"):
        log.note([tick("2")], holder="two")

    assert log.ticks() == [known]
    assert log.states() == []
