"""Commands about one run: retry and cancel."""

from __future__ import annotations


def test_retry_runs_what_failed_and_what_that_blocked(run, shop):
    """Only the failed partition and its dependents run again; the rest stays as it is."""
    shop.edit("[orders.amount > 1]", "[orders.amount > 1 / (len(orders) - 2)]")
    run("materialize", "-s", "valid_orders")
    failed = run("runs", "--json").json["runs"][0]["run_id"]
    shop.edit(" / (len(orders) - 2)", "")

    assert run("cancel", "latest").out == f"{failed} is not running: nothing to stop.\n"
    ended = run("retry", "latest", "--json")

    assert ended.code == 0
    made = {(one["asset"], one["partition"]) for one in ended.lines if one["event"] == "step_ended"}
    days = ("2026-01-01", "2026-01-02", "2026-01-03")
    assert made == {("valid_orders", day) for day in days}


def test_retry_of_a_run_without_failures_says_so(run, shop):
    """There is nothing to do again, and that is wrong usage, not silence."""
    run("materialize")
    done = run("runs", "--json").json["runs"][0]["run_id"]

    ended = run("retry", done)

    assert ended.code == 2
    assert "left nothing undone" in ended.err


def test_runs_are_cancelled_and_retried_under_runs_too(run, shop):
    """`assetkit runs cancel` and `runs retry` are `cancel` and `retry`."""
    cancelled = run("runs", "cancel", "nope")
    retried = run("runs", "retry", "nope")

    assert (cancelled.code, retried.code) == (2, 2)
    assert "There is no run and no backfill 'nope'" in cancelled.err
    assert "There is no run 'nope'" in retried.err


def test_an_unknown_run_is_named(run, shop):
    """Retry and cancel say which run there is not."""
    run("materialize")

    for command in ("retry", "cancel"):
        ended = run(command, "20260131-000000-ffffff")
        assert ended.code == 2
        assert "20260131-000000-ffffff" in ended.err


def test_a_run_that_is_over_cannot_be_cancelled(run, shop):
    """Cancelling a run that has ended changes nothing, and says so."""
    run("materialize")
    done = run("runs", "--json").json["runs"][0]["run_id"]

    assert "not running" in run("cancel", done).out
    assert run("cancel", done, "--json").json["asked"] is False


def test_assets_are_held_and_released(run, shop):
    """Selections say which; without one, what is held is listed."""
    assert "Nothing is held" in run("hold").out

    held = run("hold", "orders", "--reason", "moving")

    assert held.code == 0
    assert "orders: held by hand since" in held.out
    assert "moving" in run("hold").out
    assert run("hold", "--json").json["held"][0]["asset"] == "orders"
    assert "held already" in run("hold", "orders", "--reason", "moving").out
    assert "goes on with orders" in run("release", "orders+").out
    assert "Nothing of that is held" in run("release", "orders").out


def test_a_hold_of_nothing_is_wrong_usage(run, shop):
    """A misspelt name is no success."""
    ended = run("hold", "ordrs")

    assert ended.code == 2
    assert "orders" in ended.err
