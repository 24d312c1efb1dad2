"""What the commands do to a real project and a real workspace."""

import io
import json
import re
import sys
import threading

import pytest

from assetkit import Workspace, asset, materialize


def test_plan_says_what_would_run_and_runs_nothing(run, shop):
    """A first plan builds all; afterwards there is still no workspace."""
    ended = run("plan")

    assert ended.code == 0
    assert " +  orders            3  2026-01-01..2026-01-03 (3)  never built\n" in ended.out
    assert ended.out.rstrip().endswith("7 to build.")
    assert not (shop.folder / ".assetkit" / "data").exists()


def test_exit_code_4_means_there_is_work(run, shop):
    """Only --exit-code makes work an exit code, and only while there is some."""
    assert run("plan", "--exit-code").code == 4
    assert run("materialize").code == 0
    assert run("plan", "--exit-code").code == 0


def test_what_is_done_is_told_in_a_log_step_by_step(run, shop):
    """Where stderr is no terminal it gets a line a step; `--progress none` is silent."""
    told = run("materialize", "-s", "orders").err
    silent = run("materialize", "-s", "orders", "--force", "--progress", "none").err

    assert [line.split()[1] for line in told.splitlines() if line.startswith("●")] == [
        f"orders@2026-01-0{day}" for day in (1, 2, 3)
    ]
    assert "orders@" not in silent


def test_materialize_builds_once(run, shop):
    """The second run does nothing and says so."""
    first, second = run("materialize"), run("materialize")

    assert first.code == second.code == 0
    assert "7 materialized" in first.out
    assert "Nothing to do" in second.out


def test_results_go_to_stdout_alone(run, shop):
    """What an asset prints is no result; JSON on stdout stays whole."""
    ended = run("materialize", "--json")

    names = [line["event"] for line in ended.lines]
    assert names[0] == "run_started"
    assert names[-1] == "run_ended"
    assert names.count("step_ended") == 7
    assert {line["schema"] for line in ended.lines} == {"assetkit.event/1"}


def test_a_selection_takes_partitions_with_it(run, shop):
    """Selection, partitions behind it, and --no-upstream go together."""
    ended = run("materialize", "-s", "orders@2026-01-02")
    assert ended.code == 0
    status = run("partitions", "orders", "--json").json

    assert {s["state"]: s["ranges"] for s in status["states"]} == {
        "missing": ["2026-01-01", "2026-01-03"],
        "fresh": ["2026-01-02"],
    }


def test_repeated_selections_are_a_union(run, shop):
    """-s twice selects what either selects."""
    plan = run("plan", "-s", "orders", "-s", "by_region", "--no-upstream", "--json").json

    assert {line["asset"] for line in plan["assets"]} == {"orders", "by_region"}


def test_plans_as_json_have_each_step_with_its_causes(run, shop):
    """A program finds totals, assets and steps."""
    run("materialize")
    shop.edit("orders.amount > 1]", "orders.amount > 1.7]")
    plan = run("plan", "--json").json

    assert plan["schema"] == "assetkit.plan/1"
    assert plan["summary"]["build"] == 3
    assert plan["summary"]["maybe"] == 1
    first = plan["steps"][0]
    assert (first["asset"], first["partition"]) == (
        "valid_orders",
        "2026-01-01",
    )
    assert first["causes"][0]["code"] == "code"


def test_a_saved_plan_runs_as_it_is_and_only_then(run, shop):
    """A plan file is applied exactly; once the world has moved it is refused with 6."""
    assert run("plan", "-s", "+valid_orders", "--out", "shop.plan").code == 0
    shown = [run("plan", "shop.plan"), run("materialize", "shop.plan", "--dry-run")]
    assert [(one.code, "by_region" in one.out) for one in shown] == [(0, False)] * 2
    applied, again = run("materialize", "shop.plan"), run("materialize", "shop.plan")

    assert applied.code == 0
    assert "6 materialized" in applied.out
    assert again.code == 6
    assert again.err.startswith("error: ")


def test_a_failed_asset_is_exit_code_1_with_the_users_error(run, shop):
    """The failure is named with its message and its log; what does not depend on it is built."""
    shop.edit("return orders[orders.amount > 1]", 'raise ValueError("no such region")')
    ended = run("materialize")

    assert ended.code == 1
    assert "3 materialized, 3 failed, 1 blocked" in ended.out
    assert "ValueError: no such region" in ended.err
    assert "Blocks: by_region" in ended.err
    assert re.search(r'shop\.py:\d+  in valid_orders  raise ValueError\("no such', ended.err)
    assert "Traceback" not in ended.err


def test_logs_tell_what_a_step_said(run, shop):
    """`logs latest` lists the steps; with a slot comes what it printed."""
    run("materialize")
    listed = run("logs", "latest")
    said = run("logs", "latest", "orders@2026-01-02")

    assert "orders@2026-01-02" in listed.out
    assert "reading 2026-01-02" in said.out
    assert "reading 2026-01-01" not in said.out


def test_logs_show_the_traceback_of_a_failure(run, shop):
    """With the failed slot, the user's line is shown."""
    shop.edit("return orders[orders.amount > 1]", 'raise ValueError("no such region")')
    run("materialize")
    said = run("logs", "latest", "valid_orders@2026-01-01")

    assert 'raise ValueError("no such region")' in said.out


def test_logs_show_a_failure_once_from_the_users_line_on(run, shop):
    """What failed is in the step's log already, and is not told again with the attempt."""
    shop.edit("return orders[orders.amount > 1]", 'raise ValueError("no such region")')
    run("materialize")
    said = run("logs", "latest", "valid_orders@2026-01-01").out

    assert said.count("Traceback") == 1
    assert said.count("  File ") == 1
    assert "attempt failed" in said


class Shown(io.StringIO):
    """A stream that notes when a word was written to it."""

    def __init__(self, word):
        super().__init__()
        self.word, self.seen = word, threading.Event()

    def write(self, text):
        written = super().write(text)
        if self.word in self.getvalue():
            self.seen.set()
        return written


@pytest.mark.parametrize("arguments", [(), ("latest", "slow")])
def test_following_logs_shows_what_a_step_says_while_it_says_it(run, shop, monkeypatch, arguments):
    """The step goes on only once its words were shown, by `logs -f` of the newest run."""
    shown, began = Shown("half way"), threading.Event()
    monkeypatch.setattr(sys, "stdout", shown)

    @asset
    def slow(context):
        context.log.info("half way")
        began.set()
        assert shown.seen.wait(30)
        context.log.info("nearly there")

    workspace = Workspace(shop.folder / ".assetkit")
    settings = {"workspace": workspace, "progress": "none"}
    running = threading.Thread(target=materialize, args=[slow], kwargs=settings)
    running.start()
    assert began.wait(30)
    ended = run("logs", "-f", *arguments)
    running.join()

    told = shown.getvalue()
    assert ended.code == 0
    assert [told.count(words) for words in ("half way", "nearly there", "materialized")] == [1] * 3
    assert told.index("half way") < told.index("materialized")


def test_logs_of_what_was_not_in_a_run_are_refused(run, shop):
    """With the nearest names; also as JSON."""
    run("materialize", "-s", "orders")

    for slot, near in (("ordres", "orders"), ("orders@2026-01-09", "orders@2026-01-03")):
        for arguments in ((slot,), (slot, "--json")):
            ended = run("logs", "latest", *arguments)
            assert (ended.code, ended.out) == (2, "")
            assert near in ended.err


def test_an_unknown_run_is_refused(run, shop):
    """A run that is not there is said to be not there."""
    ended = run("logs", "2013")

    assert ended.code == 2
    assert "no run '2013'" in ended.err


def test_runs_are_listed_newest_first(run, shop):
    """Each run is there with its origin."""
    run("materialize", "-s", "orders")
    run("materialize")
    runs = run("runs", "--json").json["runs"]

    assert len(runs) == 2
    assert runs[0]["started_at"] > runs[1]["started_at"]
    assert {one["origin"] for one in runs} == {"cli"}


def test_status_needs_no_project(run, shop):
    """The state of the data is shown even while the code does not load."""
    run("materialize")
    shop.edit("import pandas as pd", "import pandas as")
    ended = run("status", "--json")

    assert ended.code == 0
    assert [row["asset"] for row in ended.json["assets"]] == ["by_region", "orders", "valid_orders"]


def test_sql_sees_assets_as_tables(run, shop):
    """A query is answered as a table, as CSV and as JSON."""
    run("materialize")
    query = "select region, amount from by_region order by region"

    assert run("sql", query).out.splitlines()[1].split() == ["north", "4.5"]
    assert run("sql", "--csv", query).out == "region,amount\nnorth,4.5\nsouth,6.0\n"
    assert run("sql", "--json", query).json["rows"][1] == {"region": "south", "amount": 6.0}


def test_adopt_takes_files_that_are_there(run, shop, tmp_path):
    """Files of some partitions become those partitions; the others are missing."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "2026-01-02.csv").write_text("region,amount\nnorth,1.5\n")

    ended = run("adopt", "orders", str(tmp_path / "old"))

    assert (ended.code, ended.out) == (0, "orders: 1 partition adopted.\n")
    assert run("adopt", "orders", str(tmp_path / "old"), "--json").json["adopted"] == 1


def test_delete_asks_or_is_told(run, shop):
    """A deleted partition is missing again."""
    run("materialize")

    assert run("delete", "orders@2026-01-02").code == 2
    ended = run("delete", "orders@2026-01-02", "--yes")
    assert (ended.code, ended.out) == (0, "orders: 1 partition deleted.\n")
    assert "missing" in run("partitions", "orders").out


def test_what_workers_print_is_no_result(run, shop):
    """Prints of a step in a process go to stderr, as they do without one: stdout is JSON alone."""
    ended = run("materialize", "-s", "orders@latest", "--executor", "processes:1", "--json")

    assert [one["event"] for one in ended.lines if one["event"] == "step_ended"]
    assert "reading 2026-01-03" in ended.err


def test_why_takes_partitions_as_everything_does(run, shop):
    """A range, `latest`, `missing`: those that are alike are told of together."""
    run("materialize", "-s", "orders@2026-01-01..2026-01-02")

    told = run("why", "orders@2026-01-01..2026-01-03").out
    assert "orders@2026-01-03 is missing" in told
    assert "2 partitions alike: 2026-01-01, 2026-01-02" in told
    assert run("why", "orders@latest").out == run("why", "orders@2026-01-03").out
    assert "2026-01-01" not in run("why", "orders@missing").out
    wrong = run("why", "orders@2026-13-01")
    assert wrong.code == 2
    assert "keys look like 2026-01-01" in wrong.err


def test_why_explains_down_to_the_change(run, shop):
    """The root of a chain of causes is named."""
    run("materialize")
    shop.edit("orders.amount > 1]", "orders.amount > 1.7]")
    ended = run("why", "by_region")

    assert ended.code == 0
    assert "valid_orders" in ended.out
    assert "code" in ended.out


def test_list_and_show_know_who_needs_whom(run, shop):
    """Assets are listed upstreams first; one is shown with its neighbours."""
    listed = run("list", "--json").json["assets"]
    shown = run("show", "valid_orders").out

    assert [one["asset"] for one in listed] == ["orders", "valid_orders", "by_region"]
    assert listed[0]["owners"] == ["ann"]
    assert "Orders that count." in shown
    assert "by_region" in shown


@pytest.mark.parametrize(
    ("form", "begin"),
    [
        ("tree", "orders\n└── valid_orders\n    └── by_region\n"),
        ("mermaid", "flowchart LR\n"),
        ("dot", 'digraph "assets" {\n'),
        ("svg", "<svg "),
        ("json", "{\n"),
    ],
)
def test_graphs_are_drawn_in_each_form(run, shop, form, begin):
    """Every format of the graph is whole."""
    ended = run("graph", "--format", form)

    assert ended.code == 0
    assert ended.out.startswith(begin)


def test_validate_counts_the_assets(run, shop):
    """A sound project is said to be sound."""
    assert run("validate").out == "shop: 3 assets, nothing amiss.\n"


def test_names_are_kept_for_completion(run, shop, monkeypatch):
    """After a load, names complete without the project being loaded."""
    run("materialize")
    shop.edit("import pandas as pd", "import pandas as")
    monkeypatch.setenv("_ASSETKIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "assetkit plan -s +val")
    monkeypatch.setenv("COMP_CWORD", "3")

    assert run().out == "plain,+valid_orders\n"


def test_config_says_where_settings_come_from(run, shop, monkeypatch):
    """Each setting has its origin."""
    monkeypatch.setenv("ASSETKIT_WORKSPACE", str(shop.folder / "elsewhere"))
    settings = {s["name"]: s for s in run("config", "show", "--json").json["settings"]}

    assert settings["module"] == {
        "name": "module",
        "value": "shop",
        "origin": str(shop.folder / "pyproject.toml"),
    }
    assert settings["workspace"]["origin"] == "ASSETKIT_WORKSPACE"


def test_executors_are_named(run, shop):
    """Steps run in threads where that is asked for; an unknown executor is refused."""
    assert run("materialize", "--executor", "threads:2").code == 0
    ended = run("materialize", "--executor", "thread:2")

    assert ended.code == 2
    assert "Did you mean threads" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["plan", "-s", "valid_order"], 2, "valid_orders", id="unknown-asset"),
        pytest.param(["plan", "-s", "orders,by_region"], 2, "or", id="comma"),
        pytest.param(["plan", "-s", "group:none"], 2, "group", id="matches-nothing"),
        pytest.param(["plan", "-s", "orders@2027-01-01"], 2, "2026-01-0", id="unknown-partition"),
        pytest.param(["plan", "-s", "orders@2026-01-03..2026-01-01"], 2, "", id="reversed"),
        pytest.param(["plan", "-m", "nowhere"], 3, "nowhere", id="no-module"),
        pytest.param(["show", "../x"], 2, "", id="path"),
        pytest.param(["plan", "--config", "x"], 2, "asset.field=value", id="config"),
    ],
)
def test_bad_input_is_one_clear_error(run, shop, arguments, code, message):
    """What was asked for and cannot be is said in a sentence, with the nearest names."""
    ended = run(*arguments)

    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert "not foreseen" not in ended.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("import pandas as pd", "import pandas as", "shop.py", id="syntax"),
        pytest.param("import pandas as pd", "import pandsa as pd", "pandsa", id="import"),
        pytest.param(
            "by_region(valid_orders:", "by_region(valid_order:", "valid_orders", id="name"
        ),
        pytest.param("def by_region(", "def orders(", "orders", id="duplicate"),
    ],
)
def test_a_project_that_does_not_load_is_exit_code_3(run, shop, old, new, message):
    """The mistake is said with its place, without the library's frames."""
    shop.edit(old, new)
    ended = run("validate")

    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_the_whole_traceback_is_there_on_request(run, shop):
    """--traceback shows all frames."""
    shop.edit("import pandas as pd", "import pandsa as pd")

    assert "Traceback (most recent call last)" in run("--traceback", "validate").err


def test_a_starter_project_runs(run, tmp_path, monkeypatch):
    """What init makes loads, runs, and answers a query; a second init overwrites nothing."""
    assert run("init", "first_shop").code == 0
    assert run("init", "first_shop").code == 2
    monkeypatch.chdir(tmp_path / "first_shop")

    assert run("materialize").code == 0
    answer = run("sql", "--json", "from best_region").json
    assert [row["region"] for row in answer["rows"]] == ["north"]
    assert json.loads(run("plan", "--json").out)["summary"]["build"] == 0


def test_configuration_from_files_and_fields(run, shop):
    """Later ones count; nested fields have longer paths; a wrong value has its path."""
    shop.edit("import DailyPartitions, asset", "import Config, DailyPartitions, asset")
    shop.edit(
        '@asset(group="reports")\ndef by_region(valid_orders: pd.DataFrame)',
        'class By(Config):\n    column: str = "amount"\n\n\nclass Wanted(Config):\n'
        '    rows: int\n    by: By = By()\n\n\n@asset(group="reports")\n'
        "def by_region(valid_orders: pd.DataFrame, wanted: Wanted)",
    )
    (shop.folder / "more.toml").write_text("[by_region]\nrows = 5\n")
    lacking = run("materialize", "--yes")
    assert lacking.code == 2
    assert "by_region.rows: Field required" in lacking.err

    given = ("--config", "more.toml", "--config", "by_region.by.column=region")
    assert run("materialize", "--yes", *given).code == 0
    assert "Nothing to build" in run("plan", *given).out
    wrong = run("plan", *given, "--config", "by_region.by.column=[1]")
    assert wrong.code == 2
    assert "by_region.by.column: Input should be a valid string" in wrong.err


@pytest.mark.parametrize("selection", ["", " ", "@latest"])
def test_an_empty_selection_is_never_everything(run, shop, selection):
    """As of a variable of a script that is not set."""
    ended = run("materialize", "-s", selection)

    assert ended.code == 2
    assert "an empty selection means nothing" in ended.err
    assert run("runs", "--json").json["runs"] == []


def test_numbers_of_workers_are_wrong_usage(run, shop):
    """The definitions are as they were: it is the command line that is wrong."""
    ended = run("materialize", "--executor", "threads:0")

    assert (ended.code, "write it as threads:4" in ended.err) == (2, True)


def test_partitions_can_be_looked_at_by_selection(run, shop):
    """What is behind @ is what is told of."""
    assert run("partitions", "orders@latest:2", "--json").json["count"] == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("[tool.assetkit", "cannot be read as TOML"),
        ("[tool]\nassetkit = 3", "assetkit is no table"),
        ("[tool.assetkit]\nmodule = 3", "module = 3 in [tool.assetkit] is no text"),
    ],
)
def test_settings_that_cannot_be_meant_are_told(run, shop, settings, said):
    """With the file; the project does not load."""
    (shop.folder / "pyproject.toml").write_text(settings)

    ended = run("plan")

    assert ended.code == 3
    assert said in ended.err
    assert "pyproject.toml" in ended.err


def test_validation_looks_for_the_io_managers(run, shop):
    """A name that neither project nor workspace knows is told before anything is planned."""
    shop.edit('group="raw"', 'group="raw", io_manager="drawer"')

    ended = run("validate")

    assert ended.code == 3
    assert "'drawer', which this workspace does not have" in ended.err
