"""What ``assetkit status`` says of promises, for people, for programs and for monitoring."""

import sys

PROMISED = """
import pandas as pd
from assetkit import AutoMaterializePolicy, FreshnessPolicy, asset


@asset
def raw() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


@asset(freshness=FreshnessPolicy("8h"))
def report(raw: pd.DataFrame) -> pd.DataFrame:
    return raw


@asset(freshness=FreshnessPolicy("1h"))
def never(report: pd.DataFrame) -> pd.DataFrame:
    raise ValueError("no such luck")
"""


def promised(shop):
    """Write the project, and return its file."""
    file = shop.folder / "promised.py"
    file.write_text(PROMISED)
    sys.modules.pop("promised", None)
    return str(file)


def test_promises_come_first_by_urgency(run, shop):
    """Who is late stands on top, with the reason; the last line sums it up."""
    module = promised(shop)
    run("-m", module, "materialize")

    ended = run("-m", module, "status")

    lines = ended.out.splitlines()
    assert lines[1].split()[1:3] == ["never", "overdue"]
    assert "never built" in lines[1]
    assert lines[2].split()[1:3] == ["report", "fresh"]
    assert lines[-1].startswith("1 promise overdue, 1 kept (as of ")


def test_monitoring_is_told_by_the_exit_code(run, shop):
    """With --exit-code a broken promise ends with 4, without it with 0."""
    module = promised(shop)
    assert run("-m", module, "status", "--exit-code").code == 4
    assert run("-m", module, "status").code == 0

    run("-m", module, "materialize", "-s", "report")
    kept = PROMISED[: PROMISED.index('@asset(freshness=FreshnessPolicy("1h"))')]
    (shop.folder / "promised.py").write_text(kept)
    sys.modules.pop("promised")

    assert run("-m", module, "status", "--exit-code").code == 0


def test_programs_get_the_same_as_json(run, shop):
    """Lags are seconds, times ISO 8601, what is unknown null."""
    module = promised(shop)
    run("-m", module, "materialize", "-s", "report")

    rows = {row["asset"]: row for row in run("-m", module, "status", "--json").json["assets"]}

    assert (rows["report"]["status"], rows["report"]["max_lag"]) == ("fresh", 28800.0)
    assert 0 < rows["report"]["lag"] < 3600
    assert (rows["never"]["status"], rows["never"]["lag"]) == ("overdue", None)
    assert rows["raw"]["status"] is None


def test_a_project_that_does_not_load_is_left_out(run, shop):
    """What is there is shown all the same, with a note; asked about promises, it is an error."""
    run("materialize")
    (shop.folder / "broken.py").write_text("this is no Python")

    shown = run("-m", str(shop.folder / "broken.py"), "status")
    asked = run("-m", str(shop.folder / "broken.py"), "status", "--exit-code")

    assert shown.code == 0
    assert "by_region" in shown.out
    assert "note: without promises, as the project does not load" in shown.err
    assert asked.code == 3
