"""What happens to published slots when a definition changes: told in the plan, nothing lost."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetkit import (
    AssetIn,
    DailyPartitions,
    DynamicPartitions,
    HourlyPartitions,
    MultiPartitions,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.catalog.memory import MemoryCatalog
from assetkit.errors import CatalogError, InvalidArgument, InvalidName, UnknownAsset

DAYS = DailyPartitions("2026-01-03", end="2026-01-06")


@pytest.fixture
def workspace():
    with Workspace.temporary() as made:
        yield made


def pair(partitions, *, version="1", name="sales"):
    """Return an asset with those partitions, and one that reads all of them."""

    @asset(partitions=partitions, code_version=version, name=name)
    def sales(context) -> pd.DataFrame:
        return pd.DataFrame({"key": [str(context.partition_key)]})

    @asset(code_version=version, ins={"read": AssetIn(name)})
    def total(read: pd.DataFrame) -> pd.DataFrame:
        return read[["key"]]

    return sales, total


def states(made, name="sales"):
    """Return each key with what a plan says of it: its verdict, and causes where it is stale."""
    part = next(part for part in made.assets if part.asset == name)
    steps = {str(step.partition): step for step in made.steps if step.asset == name}
    universe = made.universes[name]
    keys = [str(universe.key(int(position))) for position in part.positions]
    return {
        key: " ".join([str(steps[key].verdict), *steps[key].causes]) if key in steps else "fresh"
        for key in keys
    }


CHANGES = {
    "start earlier": (
        DailyPartitions("2026-01-02", end="2026-01-06"),
        {"2026-01-02": "missing", **dict.fromkeys(DAYS.keys(), "fresh")},
        (),
    ),
    "start later": (
        DailyPartitions("2026-01-04", end="2026-01-06"),
        {"2026-01-04": "fresh", "2026-01-05": "fresh"},
        ("2026-01-03",),
    ),
    "end earlier": (
        DailyPartitions("2026-01-03", end="2026-01-04"),
        {"2026-01-03": "fresh"},
        ("2026-01-04", "2026-01-05"),
    ),
    "another zone": (
        DailyPartitions("2026-01-03", end="2026-01-06", timezone="Asia/Tokyo"),
        dict.fromkeys(DAYS.keys(), "stale definition"),
        (),
    ),
    "daily to hourly": (
        HourlyPartitions("2026-01-03", end="2026-01-03T02:00"),
        {"2026-01-03T00": "missing", "2026-01-03T01": "missing"},
        ("2026-01-03", "2026-01-04", "2026-01-05"),
    ),
    "a dimension added": (
        MultiPartitions(date=DAYS, region=StaticPartitions(["eu"])),
        {f"{day}|eu": "missing" for day in DAYS.keys()},  # noqa: SIM118
        ("2026-01-03", "2026-01-04", "2026-01-05"),
    ),
    "no partitions any more": (
        None,
        {"None": "missing"},
        ("2026-01-03", "2026-01-04", "2026-01-05"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_of_time_partitions(workspace, change):
    """Each change has a defined outcome, orphans are named, and reverting it brings all back."""
    partitions, expected, orphans = CHANGES[change]
    before, total = pair(DAYS)
    materialize(total, workspace=workspace)

    after, _ = pair(partitions)
    made = plan(after, workspace=workspace)

    assert states(made) == expected
    assert made.snapshot.orphans.get("sales", ()) == orphans
    assert made.summary().assets[0].orphans == len(orphans)
    assert (orphans[0] in str(made)) if orphans else ("orphans" not in str(made))
    materialize(after, workspace=workspace)
    assert len(plan(after, workspace=workspace)) == 0
    back = states(plan(before, workspace=workspace))
    assert set(back.values()) <= {"fresh", "stale definition"}


@pytest.mark.parametrize(
    "change",
    [
        {"partitions": DailyPartitions("2026-01-03", end="2026-01-06", dimension="date")},
        {"io_manager": "pickle"},
    ],
    ids=["dimension", "io_manager"],
)
def test_what_lies_elsewhere_now_is_made_anew_and_leaves_no_file(workspace, change):
    """It is stale by its definition; the old file stays until there is a new one."""
    broken = {"2026-01-04"}

    def sales(**arguments):
        @asset(**{"partitions": DAYS, "code_version": "1", "name": "sales", **arguments})
        def made(context) -> pd.DataFrame:
            if arguments.get("code_version") == "2" and context.partition_key in broken:
                raise OSError("not today")
            return pd.DataFrame({"v": [1]})

        return made

    def folders():
        data = Path(workspace.root) / "data" / "sales"
        files = [one for one in data.rglob("*") if one.suffix in (".parquet", ".pickle")]
        return sorted(f"{one.parent.name}/{one.name}" for one in files)

    settings = {"workspace": workspace, "progress": "none", "raise_on_error": False}
    materialize(sales(), **settings)
    before = folders()
    changed = sales(**change, code_version="2")
    causes = [step.causes for step in plan(changed, workspace=workspace).steps]
    materialize(changed, **settings)
    meanwhile = folders()
    broken.clear()
    materialize(changed, **settings)

    assert ["definition" in one for one in causes] == [True] * 3
    assert len(before) == len(meanwhile) == len(folders()) == 3
    assert [one for one in meanwhile if one in before] == [before[1]]
    assert not set(before) & set(folders())
    assert workspace.verify().empty


def test_static_keys_come_and_go(workspace):
    """A removed key is an orphan, a new one is missing, and a key that returns is fresh."""
    first, _ = pair(StaticPartitions(["us", "mx", "eu"]))
    materialize(first, workspace=workspace)

    renamed, total = pair(StaticPartitions(["us", "mexico", "eu"]))
    made = plan(renamed, workspace=workspace)
    assert states(made) == {"us": "fresh", "mexico": "missing", "eu": "fresh"}
    assert made.snapshot.orphans == {"sales": ("mx",)}
    assert "mx" in made.explain("sales")
    result = materialize(total, workspace=workspace)
    assert sorted(result.load("total").key) == ["eu", "mexico", "us"]

    grown, total = pair(StaticPartitions(["us", "mexico", "eu", "mx"]))
    made = plan(grown, workspace=workspace)
    assert set(states(made).values()) == {"fresh"}
    assert made.snapshot.orphans == {}
    result = materialize(total, workspace=workspace)
    assert sorted(result.load("total").key) == ["eu", "mexico", "mx", "us"]


def test_orphans_are_not_loaded_by_accident_and_can_be_deleted(workspace):
    """After daily became hourly, loading gives hours only; orphans go when asked."""
    daily, _ = pair(DAYS)
    materialize(daily, workspace=workspace)
    hourly, _ = pair(HourlyPartitions("2026-01-03", end="2026-01-03T02:00"))
    materialize(hourly, workspace=workspace)

    assert workspace.load("sales").key.tolist() == ["2026-01-03T00", "2026-01-03T01"]
    assert workspace.load("sales", "2026-01-04").key.tolist() == ["2026-01-04"]
    with pytest.raises(InvalidArgument, match="Give the asset itself"):
        workspace.delete("sales", "orphans")
    assert workspace.delete(hourly, "orphans") == 3
    assert plan(hourly, workspace=workspace).snapshot.orphans == {}
    assert len(workspace.load("sales")) == 2


def test_deleting_orphans_out_of_range(workspace):
    """Orphans of a shortened range are told apart from what is still defined."""
    long, _ = pair(DAYS)
    materialize(long, workspace=workspace)
    short, _ = pair(DailyPartitions("2026-01-04", end="2026-01-05"))

    assert workspace.delete(short, "orphans") == 2
    assert states(plan(long, workspace=workspace)) == {
        "2026-01-03": "missing",
        "2026-01-04": "fresh",
        "2026-01-05": "missing",
    }


def test_dynamic_partitions_by_call(workspace):
    """Keys come and go by call; readers of all of them follow each change."""
    sales, total = pair(DynamicPartitions("regions"))

    assert workspace.add_partitions("regions", ["us", "eu", "us"]) == ["us", "eu"]
    assert sorted(materialize(total, workspace=workspace).load("total").key) == ["eu", "us"]
    assert workspace.add_partitions("regions", ["eu", "mx"]) == ["mx"]
    assert states(plan(total, workspace=workspace))["mx"] == "missing"
    materialize(total, workspace=workspace)

    assert workspace.remove_partitions("regions", ["us", "uk"]) == ["us"]
    made = plan(total, workspace=workspace)
    assert made.snapshot.orphans == {"sales": ("us",)}
    assert [step.asset for step in made.steps] == ["total"]
    assert sorted(materialize(total, workspace=workspace).load("total").key) == ["eu", "mx"]
    assert workspace.add_partitions("regions", ["us"]) == ["us"]
    assert set(states(plan(sales, workspace=workspace)).values()) == {"fresh"}


def test_dynamic_keys_are_checked(workspace):
    """A text instead of a list, a key that is none, and twins are refused with a sentence."""
    with pytest.raises(InvalidArgument, match=r"Write \['us'\]"):
        workspace.add_partitions("regions", "us")
    with pytest.raises(InvalidName, match="cannot be a partition key"):
        workspace.add_partitions("regions", ["us", ".."])
    with pytest.raises(InvalidArgument, match="told apart by a name"):
        workspace.add_partitions(" ", ["us"])
    workspace.add_partitions("regions", ["us"])
    with pytest.raises(InvalidName, match="'us' and 'US' would share a folder"):
        workspace.add_partitions("regions", ["US"])
    assert workspace.add_partitions("regions", []) == []


def test_accepted_data_counts_as_made_by_todays_code(workspace):
    """Accepting all, or some, makes them fresh; it lasts through a rebuilt catalog."""
    _, total = pair(DAYS)
    materialize(total, workspace=workspace)
    sales, total = pair(DAYS, version="2")
    assert set(states(plan(sales, workspace=workspace)).values()) == {"stale code"}

    assert workspace.accept(sales, "2026-01-03") == 1
    assert states(plan(sales, workspace=workspace)) == {
        "2026-01-03": "fresh",
        "2026-01-04": "stale code",
        "2026-01-05": "stale code",
    }
    assert workspace.accept("sales") == 2
    assert workspace.accept(total) == 1
    assert workspace.accept(total) == 0
    assert len(plan(total, workspace=workspace)) == 0
    workspace.rebuild_catalog()
    assert len(plan(total, workspace=workspace)) == 0
    with pytest.raises(InvalidArgument, match="Give the asset itself"):
        workspace.accept("unknown")


def test_changed_inputs_are_not_accepted_away(workspace):
    """What changed upstream stays a cause to run."""
    content = ["old"]

    def assets(version):
        @asset(code_version="1")
        def sales() -> pd.DataFrame:
            return pd.DataFrame({"key": content})

        @asset(code_version=version)
        def total(sales: pd.DataFrame) -> pd.DataFrame:
            return sales

        return sales, total

    sales, total = assets("1")
    materialize(total, workspace=workspace)
    content[0] = "new"
    materialize(sales, force=True, workspace=workspace)
    _, total = assets("2")

    assert workspace.accept(total) == 1

    assert [step.causes for step in plan(total, workspace=workspace).steps] == [("input sales",)]


def test_a_renamed_asset_keeps_data_history_and_readers(workspace):
    """Nothing is made again after a rename, neither the asset nor what reads it."""
    _, total = pair(DAYS)
    materialize(total, workspace=workspace)

    assert workspace.rename("sales", "shop/revenue") == 3

    revenue, total = pair(DAYS, name="shop/revenue")
    assert len(plan(total, workspace=workspace)) == 0
    assert workspace.load("shop/revenue").key.tolist() == list(DAYS.keys())
    assert len(workspace.history("shop/revenue")) == 3
    assert set(workspace.lineage("total").upstream) == {"shop/revenue"}
    with pytest.raises(UnknownAsset, match="sales"):
        workspace.load("sales")
    workspace.rebuild_catalog()
    assert len(plan(total, workspace=workspace)) == 0
    assert len(materialize(revenue, force=True, workspace=workspace).unchanged) == 3


def test_a_rename_is_refused_where_it_would_overwrite(workspace):
    """There must be an old name and no data of the new one."""
    _, total = pair(DAYS)
    materialize(total, workspace=workspace)

    with pytest.raises(CatalogError, match="has published data of 'total'"):
        workspace.rename("sales", "total")
    with pytest.raises(UnknownAsset, match="seles"):
        workspace.rename("seles", "revenue")
    with pytest.raises(InvalidName):
        workspace.rename("sales", "no name")
    assert workspace.rename("sales", "sales") == 0


KEYS = ["a", "b", "c", "d", "e"]
LISTS = st.lists(st.sampled_from(KEYS), unique=True, min_size=1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(LISTS, st.booleans()), min_size=1, max_size=6))
def test_any_order_of_changes_loses_nothing(changes):
    """Through any changes of a list of keys: what was built stays, each key's data is its own."""
    workspace = Workspace("lake", catalog=MemoryCatalog(), io_managers={})
    built = set()
    for keys, builds in changes:

        @asset(partitions=StaticPartitions(keys), code_version="1", io_manager="memory")
        def letters(context):
            return str(context.partition_key)

        made = plan(letters, workspace=workspace)
        assert states(made, "letters") == {
            key: "fresh" if key in built else "missing" for key in keys
        }
        assert made.snapshot.orphans.get("letters", ()) == tuple(sorted(built - set(keys)))
        if builds:
            result = materialize(letters, workspace=workspace)
            built |= set(keys)
            loaded = result.load("letters", load_as=dict[str, str])
            assert {key: loaded[key] for key in keys} == {key: key for key in keys}
