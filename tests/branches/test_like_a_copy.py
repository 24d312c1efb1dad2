"""A branch behaves as a copy of its base would: held against a real copy, step by step."""

import random
import shutil

import pandas as pd
import pytest

from assetkit import AssetIn, DailyPartitions, Workspace, asset, materialize, plan
from assetkit.mappings import window

DAYS = DailyPartitions("2026-01-01", end="2026-01-05")
KEYS = [f"2026-01-0{day}" for day in range(1, 5)]


def shop(versions):
    """Return a project; every second version of an asset's code comes to another result."""
    added = {name: number // 2 for name, number in versions.items()}

    @asset(partitions=DAYS, code_version=str(versions["raw"]))
    def raw(context) -> pd.DataFrame:
        return pd.DataFrame({"n": [int(context.partition_key[-1]) + added["raw"]]})

    @asset(
        partitions=DAYS,
        code_version=str(versions["recent"]),
        ins={"raw": AssetIn(partitions=window(-1, 0))},
    )
    def recent(raw: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"n": [raw.n.sum() + added["recent"]]})

    @asset(code_version=str(versions["total"]))
    def total(recent: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"n": [recent.n.sum() + added["total"]]})

    return [raw, recent, total]


def told(project, workspace):
    """Return what a plan would run and why it is not fresh, and what can be loaded."""
    made = plan(project, workspace=workspace)
    steps = [(s.asset, s.partition, str(s.verdict), s.causes, s.maybe) for s in made.steps]
    data = [workspace.load(one).n.tolist() for one in project]
    return steps, data


@pytest.mark.parametrize("seed", [1])
def test_a_branch_is_like_a_copy(seed, tmp_path):
    """Whatever is changed and built, plans and data are those of a copy."""
    chance = random.Random(seed)
    versions = {"raw": 0, "recent": 0, "total": 0}
    base = Workspace(tmp_path / "base")
    materialize(shop(versions), workspace=base, progress="none")
    shutil.copytree(tmp_path / "base", tmp_path / "copy")
    copy, branch = Workspace(tmp_path / "copy"), Workspace(tmp_path / "branch", base=base)

    for _ in range(4):
        versions[chance.choice(list(versions))] += 1
        project = shop(versions)
        assert told(project, branch) == told(project, copy)
        target = chance.choice(project)
        wish = {"upstream": chance.random() < 0.7}
        if target.definition.partitions is not None:
            wish["partitions"] = chance.sample(KEYS, chance.randint(1, 4))
        for workspace in (branch, copy):
            materialize(target, workspace=workspace, progress="none", **wish)
        assert told(project, branch) == told(project, copy)

    branch.promote()
    assert told(project, base) == told(project, copy)
