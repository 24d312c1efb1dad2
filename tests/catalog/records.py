"""Records for tests of catalogs: short to write, complete to store."""

import os
import socket
from datetime import UTC, datetime, timedelta

import numpy as np

from assetkit.catalog.base import Claim, Commit
from assetkit.records import (
    Basis,
    CheckOutcome,
    FailedAttempt,
    InputUse,
    Materialization,
    Outcome,
    Owner,
    RunRecord,
    StepRecord,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ME = Owner(host=socket.gethostname(), pid=os.getpid(), command="pytest")
PLAIN = Basis(code="c0", config="", definition="d0", schema="", inputs=())


def after(seconds):
    """Return the time so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def basis(*inputs, code="c0"):
    """Return the basis of an asset with those upstreams."""
    return Basis(code=code, config="f0", definition="d0", schema="s0", inputs=inputs)


def made(asset="a", ordinal=0, version=1, **changes):
    """Return a materialization of one slot; *version* stands for its content."""
    uses = changes.get("basis", PLAIN).inputs
    values = {
        "asset": asset,
        "partition": f"k{ordinal:03d}",
        "ordinal": ordinal,
        "run_id": "r1",
        "data_version": f"{version:032x}",
        "basis": PLAIN,
        "inputs": tuple(
            InputUse(asset=name, digest=2**64 - 1 - i, count=i) for i, name in enumerate(uses)
        ),
        "materialized_at": NOON,
    }
    return Materialization(**{**values, **changes})


def failed(asset="a", ordinal=0, at=0, **changes):
    """Return a failed attempt at one slot."""
    values = {
        "asset": asset,
        "partition": f"k{ordinal:03d}",
        "ordinal": ordinal,
        "run_id": "r1",
        "attempt": 1,
        "fingerprint": "f1",
        "error_type": "ValueError",
        "message": "no",
        "traceback": "Traceback: no",
        "failed_at": after(at),
    }
    return FailedAttempt(**{**values, **changes})


def ended(asset="a", ordinal=0, outcome=Outcome.MATERIALIZED, at=0, **changes):
    """Return how one step ended."""
    values = {
        "run_id": "r1",
        "asset": asset,
        "partition": f"k{ordinal:03d}",
        "ordinal": ordinal,
        "outcome": outcome,
        "ended_at": after(at),
    }
    return StepRecord(**{**values, **changes})


def run(run_id="r1", owner=ME, **changes):
    """Return a run that begins at noon."""
    values = {
        "run_id": run_id,
        "owner": owner,
        "started_at": NOON,
        "targets": ("a",),
        "steps": 3,
    }
    return RunRecord(**{**values, **changes})


def commit(*results, commit_id="c1", run_id="r1", fence=0, reads=None, **changes):
    """Return a commit of materializations; *reads*: the sequence number each one read at."""
    return Commit(
        commit_id=commit_id,
        run_id=run_id,
        fence=fence,
        materializations=results,
        read_seqs=(0,) * len(results) if reads is None else reads,
        **changes,
    )


def claim(asset="a", *ordinals):
    """Return a claim of slots."""
    return Claim(asset=asset, ordinals=np.array(ordinals, dtype=np.int64))


def checked(asset="a", ordinal=0, check="not_null", at=0, **changes):
    """Return what one check found in one slot."""
    values = {
        "asset": asset,
        "partition": f"k{ordinal:03d}",
        "ordinal": ordinal,
        "run_id": "r1",
        "check": check,
        "passed": True,
        "checked_at": after(at),
    }
    return CheckOutcome(**{**values, **changes})
