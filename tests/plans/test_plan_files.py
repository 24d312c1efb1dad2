"""Plans in files: reviewed, applied as they were, or refused with what is different."""

import pandas as pd
import pytest
from pydantic import SecretStr

from assetkit import (
    Config,
    Definitions,
    MultiPartitions,
    Plan,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.errors import PlanError, PlanOutdated

KEYS = StaticPartitions(["a", "b", "c"])


class Limit(Config):
    limit: int = 10


def shop(version="1"):
    """Return a project: raw by key, and its total."""

    @asset(partitions=KEYS, code_version=version)
    def raw(context) -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    @asset
    def total(raw: pd.DataFrame, config: Limit) -> pd.DataFrame:
        return raw.head(config.limit)

    return Definitions(assets=[raw, total])


@pytest.fixture
def workspace():
    """A workspace of its own."""
    with Workspace.temporary() as made:
        yield made


def saved(project, workspace, folder, **arguments):
    """Save a plan, and load it again."""
    plan(project, workspace=workspace, **arguments).save(folder / "shop.plan")
    return Plan.load(folder / "shop.plan", definitions=project, workspace=workspace)


def apply(found, **arguments):
    """Run a saved plan, quietly."""
    return materialize(found, progress="none", **arguments)


def test_a_saved_plan_is_read_and_applied(workspace, tmp_path):
    """It shows what the plan showed, and runs exactly that."""
    made = plan(shop(), workspace=workspace, partitions=["a", "b"], select="raw")
    made.save(tmp_path / "shop.plan")
    found = Plan.load(tmp_path / "shop.plan", definitions=shop(), workspace=workspace)

    assert str(found) == str(made)
    assert len(found) == 2
    assert apply(found).materialized == [("raw", "a"), ("raw", "b")]
    with pytest.raises(PlanOutdated, match="raw@a, b does not run any more"):
        apply(found)


def test_changed_code_is_told(workspace, tmp_path):
    """A definition that moved refuses the plan, and is named; nothing runs."""
    found = saved(shop(), workspace, tmp_path)

    with pytest.raises(PlanOutdated, match=r"raw: code_version changed \(.*test_plan_files.py"):
        materialize(
            Plan.load(tmp_path / "shop.plan", definitions=shop("2"), workspace=workspace),
            progress="none",
        )
    assert workspace.runs().empty
    assert len(apply(found).materialized) == 4


def test_a_catalog_that_moved_is_told(workspace, tmp_path):
    """What others made meanwhile is not made again, and the plan says so."""
    found = saved(shop(), workspace, tmp_path)
    materialize(shop(), select="raw", partitions="b", workspace=workspace, progress="none")

    with pytest.raises(PlanOutdated, match="raw@b does not run any more"):
        apply(found)

    workspace.delete("raw", "b")
    apply(found)
    later = saved(shop(), workspace, tmp_path)
    workspace.delete("raw", "c")
    with pytest.raises(PlanOutdated, match="raw@c runs now, too"):
        apply(later)


def test_a_plan_in_hand_says_the_same(workspace):
    """A plan that was never saved is refused with the same differences."""
    made = plan(shop(), workspace=workspace)
    materialize(shop(), workspace=workspace, progress="none")

    with pytest.raises(PlanOutdated, match="total does not run any more"):
        apply(made)


def test_configuration_force_and_targets_are_saved(workspace, tmp_path):
    """The plan holds its whole question."""
    materialize(shop(), workspace=workspace, progress="none")
    found = saved(
        shop(),
        workspace,
        tmp_path,
        select="total",
        force=True,
        upstream=False,
        config={"total": {"limit": 1}},
    )

    assert apply(found).load("total").n.tolist() == [1]


def test_secrets_that_are_defaults_stay_out_of_files(workspace, tmp_path):
    """They are there again when the plan is applied; one that is given cannot be saved."""

    class Access(Config):
        password: SecretStr = SecretStr("hidden")
        user: str = "nobody"

    @asset
    def users(config: Access) -> pd.DataFrame:
        return pd.DataFrame({"said": [config.user + config.password.get_secret_value()]})

    project = Definitions(assets=[users])
    found = saved(project, workspace, tmp_path, config={"users": {"user": "ann"}})

    assert "hidden" not in (tmp_path / "shop.plan").read_text()
    assert apply(found).load("users").said.tolist() == ["annhidden"]
    with pytest.raises(PlanError, match="leave secrets to resources"):
        saved(project, workspace, tmp_path, config={"users": {"password": "other"}})


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        (("1", "us"), 1),
        ([("1", "us"), ("2", "eu")], 2),
        ({"day": ["1"], "region": "us"}, 1),
        ("all", 4),
        ("missing", 4),
    ],
)
def test_selections_of_several_dimensions_come_back(partitions, expected, workspace, tmp_path):
    """A key of several dimensions is one key again, not a list of two."""
    parts = MultiPartitions(day=StaticPartitions(["1", "2"]), region=StaticPartitions(["us", "eu"]))

    @asset(partitions=parts)
    def sales() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    found = saved([sales], workspace, tmp_path, partitions=partitions)

    assert len(apply(found).materialized) == expected


def test_what_is_no_plan_is_told(tmp_path, workspace):
    """A missing file, another file, and an asset that is gone are refused by name."""
    with pytest.raises(PlanError, match="There is no plan file"):
        Plan.load(tmp_path / "nope.plan")
    (tmp_path / "odd.plan").write_text('{"schema": "other"}')
    with pytest.raises(PlanError, match="is no plan that this assetkit reads"):
        Plan.load(tmp_path / "odd.plan")

    plan(shop(), workspace=workspace).save(tmp_path / "shop.plan")
    only = Definitions(assets=[one for one in shop().assets if one.key == "raw"])
    with pytest.raises(PlanOutdated, match="'total', which is no asset any more"):
        apply(Plan.load(tmp_path / "shop.plan", definitions=only, workspace=workspace))
