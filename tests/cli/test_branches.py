"""Branches on the command line: `--base`, `diff` and `promote`."""


def test_a_branch_is_built_compared_and_published(run, shop):
    """What the branch makes stays there until it is promoted; then the project has it."""
    run("materialize")
    shop.edit("return orders[orders.amount > 1]", "return orders[orders.amount > 1.7]")
    branch = ("--workspace", ".branch")

    built = run(*branch, "--base", ".assetkit", "materialize")
    compared = run(*branch, "diff")
    told = run(*branch, "diff", "by_region", "--json").json
    unasked = run(*branch, "promote")
    published = run(*branch, "promote", "--yes")

    assert "4 materialized" in built.out
    assert "~ by_region" in " ".join(compared.out.split())
    assert told["slots"][0]["removed"] == 1
    assert told["slots"][0]["base_rows"] == 2
    assert unasked.code == 2
    assert published.out.startswith("4 partitions published in ")
    assert "Nothing to build" in run("plan").out
    assert run(*branch, "diff").out.endswith("has made nothing that its base lacks.\n")


def test_what_is_no_branch_is_told(run, shop):
    """Without a base there is nothing to compare with."""
    run("materialize")

    ended = run("diff")

    assert ended.code == 2
    assert "is no branch" in ended.err
