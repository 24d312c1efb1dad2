"""`assetkit check`, and what `status` and `show` tell of data."""


def test_the_command_tells_and_ends_with_one_where_an_error_is(run, shop):
    """A check that does not pass is listed; warnings alone end with 0."""
    shop.edit("import DailyPartitions, asset", "import DailyPartitions, asset, checks")
    shop.edit(
        '@asset(group="reports")',
        '@asset(group="reports", checks=[checks.row_count(9), checks.not_null("amount")])',
    )
    made = run("materialize", "--yes")
    assert made.code == 1
    assert "by_region: check row_count(min=9) did not pass (error)" in made.out

    ended = run("check")
    assert ended.code == 1
    assert "by_region" in ended.out
    assert "2 checks of 1 slot: 1 passed, 1 failed." in ended.out
    found = run("check", "-s", "by_region", "--json").json
    assert found["schema"] == "assetkit.checks/1"
    assert [one["passed"] for one in found["checks"]] == [False, True]
    assert "1 failed" in run("status").out
    assert "row_count(min=9)" in run("show", "by_region").out

    shop.edit("row_count(9)", 'row_count(9, severity="warn")')
    ended = run("check")
    assert ended.code == 0
    assert "1 passed, 1 warning." in ended.out
    assert run("check", "-s", "orders").out == (
        "Nothing to check: nothing with checks is materialized.\n"
    )


def test_show_tells_of_the_data(run, shop):
    """Columns with their limits, some rows, metadata; of the newest partition or the one named."""
    shop.edit(
        "    return orders[orders.amount > 1]",
        '    return Output(orders[orders.amount > 1], metadata={"limit": 1, "rows": [1, 2]})',
    )
    shop.edit("import DailyPartitions, asset", "import DailyPartitions, Output, asset")
    assert "published" not in run("show", "valid_orders").out
    run("materialize", "--yes")

    newest = run("show", "valid_orders").out
    assert "newest" in newest
    assert "2026-01-03" in newest
    assert "limit: 1" in newest
    assert [line.split() for line in newest.splitlines() if line.startswith("amount")] == [
        ["amount", "double", "0", "1.5", "2"]
    ]
    assert "newest" not in run("show", "valid_orders@2026-01-01").out
    found = run("show", "valid_orders@2026-01-01", "--json").json["published"]
    assert (found["partition"], found["partitions"]) == ("2026-01-01", 3)
    assert found["preview"][0] == {"region": "north", "amount": 1.5}
    assert found["metadata"]["limit"] == 1
    ended = run("show", "valid_orders@2026-02-01")
    assert ended.code == 2
    assert "not materialized" in ended.err
    assert "limit=1, 1 more" in run("status").out


def test_events_tell_which_checks_did_not_pass(run, shop):
    """In the lines of a run for programs, and in its log afterwards."""
    shop.edit("import DailyPartitions, asset", "import DailyPartitions, asset, checks")
    shop.edit('@asset(group="reports")', '@asset(group="reports", checks=[checks.row_count(9)])')

    lines = run("materialize", "--yes", "--json").lines

    ended = next(line for line in lines if line.get("asset") == "by_region" and "checks" in line)
    assert [(one["check"], one["passed"]) for one in ended["checks"]] == [
        ("row_count(min=9)", False)
    ]
    told = "check row_count(min=9) did not pass (error): There are 2 rows, fewer than 9"
    assert told in run("logs", "latest").out
