"""What both catalogs promise about approvals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assetkit.catalog.approvals import ApprovalRecord, ApprovalStatus
from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.catalog.memory import MemoryCatalog

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "duckdb"])
def log(request, tmp_path):
    """Return the approvals of each kind of catalog, empty."""
    if request.param == "memory":
        return MemoryCatalog().approvals
    return DuckDBCatalog(tmp_path / "catalog.duckdb").approvals


def asked(run_id="r1", asset="orders", partition=None, minutes=0, **said):
    """Return a request of a run."""
    return ApprovalRecord(
        run_id=run_id,
        asset=asset,
        partition=partition,
        fingerprint=said.pop("fingerprint", "f1"),
        asked_at=NOON + timedelta(minutes=minutes),
        **said,
    )


def decided(one, status=ApprovalStatus.APPROVED):
    """Return a request as somebody decided on it."""
    return replace(one, status=status, decided_at=NOON, decided_by="ada", note="fine")


def test_requests_are_found_in_the_order_in_which_they_were_made(log):
    """All are listed, oldest first, or those of one run; at first there are none."""
    assert list(log.find()) == []
    late, early = asked("r2", partition="b", minutes=1), asked("r1", partition="a")
    log.ask([late, early])

    assert list(log.find()) == [early, late]
    assert list(log.find(run_id="r2")) == [late]


def test_asking_again_replaces_the_request(log):
    """A run has one request per slot: the newest."""
    log.ask([asked(partition="a"), asked(partition=None)])
    log.ask([asked(partition="a", fingerprint="f2", minutes=1)])

    assert [None, "a"] == [one.partition for one in log.find()]
    assert log.find()[1].fingerprint == "f2"


def test_a_decision_holds_for_all_who_ask_the_same(log):
    """What was decided for one run holds for others that would make the same, and only those."""
    first, again = asked("r1"), asked("r2", minutes=1)
    other = asked("r3", minutes=2, fingerprint="f2")
    log.ask([first, again, other])
    log.decide(decided(first))

    assert list(log.find()) == [decided(first), decided(again), other]


def test_what_was_decided_is_not_decided_again(log):
    """The first decision stands."""
    log.ask([asked()])
    log.decide(decided(asked(), ApprovalStatus.REJECTED))
    log.decide(decided(asked()))

    assert [ApprovalStatus.REJECTED] == [one.status for one in log.find()]


def test_what_is_spent_stays_on_record_and_counts_no_longer(log):
    """Once its slot is made, a decision is history."""
    kept = asked(partition="b", minutes=1)
    log.ask([asked(partition="a"), kept])
    log.decide(decided(asked(partition="a")))
    log.spend("orders", "a")

    assert list(log.find(unspent=True)) == [kept]
    assert [True, False] == [one.spent for one in log.find()]
