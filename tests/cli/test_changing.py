"""Commands that change what is kept, not what is defined: accept, rename, partitions."""

import pytest

TILLS = """
import pandas as pd
from assetkit import DynamicPartitions, StaticPartitions, asset


@asset(partitions=DynamicPartitions("customers"), code_version="1")
def invoices(context) -> pd.DataFrame:
    return pd.DataFrame({"customer": [context.partition_key]})


@asset(partitions=StaticPartitions(["us", "mx"]), code_version="1")
def tills(context) -> pd.DataFrame:
    return pd.DataFrame({"region": [context.partition_key]})
"""


@pytest.fixture
def dynamic(shop):
    """Put a project with dynamic and static keys in the place of the shop's."""
    (shop.folder / "shop.py").write_text(TILLS)
    return shop


def test_accepted_data_is_fresh_under_the_new_code(run, shop):
    """Accepting some leaves the others stale; accepting all leaves nothing to do."""
    run("materialize", "-s", "orders")
    shop.edit("[1.5, 2.0]", "[1.5, 2.00]")
    assert run("plan", "-s", "orders", "--exit-code").code in (0, 4)
    shop.edit("[1.5, 2.00]", "[float(n) for n in (1.5, 2)]")
    assert run("plan", "-s", "orders", "--exit-code").code == 4

    some = run("accept", "orders@2026-01-01..2026-01-02")

    assert (some.code, some.out) == (0, "orders: 2 partitions accepted.\n")
    assert len(run("plan", "-s", "orders", "--json").json["steps"]) == 1
    assert run("accept", "orders", "--json").json["accepted"] == 1
    assert run("plan", "-s", "orders", "--exit-code").code == 0


def test_a_renamed_asset_is_not_made_again(run, shop):
    """Renamed in the code and in the workspace, neither it nor its readers are due."""
    run("materialize")
    shop.edit("def orders(", "def purchases(")
    shop.edit("def valid_orders(orders: pd", "def valid_orders(purchases: pd")
    shop.edit("return orders[orders.amount > 1]", "return purchases[purchases.amount > 1]")

    ended = run("rename", "orders", "purchases")

    assert (ended.code, ended.out) == (0, "orders is purchases now: 3 partitions moved.\n")
    assert run("plan", "-s", "purchases", "--exit-code").code == 0
    again = run("rename", "orders", "purchases")
    assert again.code != 0
    assert "orders" in again.err


def test_a_renamed_partition_is_not_made_again(run, dynamic):
    """The key is renamed in the list and in the workspace; nothing is due."""
    run("materialize", "-s", "tills")
    dynamic.edit('["us", "mx"]', '["us", "mexico"]')

    assert run("rename", "tills@mx", "tills@mexico", "--json").json["moved"] == 1
    assert run("plan", "-s", "tills", "--exit-code").code == 0
    refused = run("rename", "tills@us", "tills@mexico")
    assert refused.code != 0
    assert "tills@mexico is published already" in refused.err


def test_dynamic_partitions_come_and_go(run, dynamic):
    """Each command says what it changed and what not; the plan follows."""
    assert run("partitions", "add", "customers", "acme", "globex").out == (
        "customers: added acme, globex.\n"
    )
    again = run("partitions", "add", "customers", "acme", "hooli")
    assert again.out == "customers: added hooli (1 there already).\n"
    assert run("materialize", "-s", "invoices").code == 0
    assert run("partitions", "invoices", "--json").json["count"] == 3

    gone = run("partitions", "remove", "customers", "acme", "nobody")

    assert gone.out == "customers: removed acme (1 not there).\n"
    told = run("plan", "-s", "invoices").out
    assert "1 published partition of invoices is not in its definition any more: acme" in told
    assert run("delete", "invoices@orphans", "--yes").out == "invoices: 1 partition deleted.\n"
    removed = run("partitions", "remove", "customers", "hooli", "--json").json
    assert (removed["name"], removed["removed"]) == ("customers", ["hooli"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("partitions", "add", "customers"), "say which keys to add"),
        (("partitions", "add", "customers", ".."), "cannot be a partition key"),
        (("partitions", "invoices", "tills"), "name one asset"),
        (("accept", "invoyces"), "Did you mean invoices"),
    ],
)
def test_what_cannot_be_is_refused(run, dynamic, arguments, said):
    """Wrong usage is one sentence that says what to do."""
    ended = run(*arguments)

    assert ended.code in (2, 3)
    assert said in ended.err
