"""Names, keys and values that want out: of the root, into SQL, into a view."""

import unicodedata
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assetkit import Config, StaticPartitions, Workspace, asset, materialize, plan
from assetkit.definitions.keys import check_key, encoded_key, read_path_part, slot_folder
from assetkit.errors import AssetkitError, DefinitionError, InvalidName, PlanError

HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\windows",
    "a/../../b",
    "'; drop table materialization; --",
    '"quoted"',
    "<script>alert(1)</script>",
    "%2e%2e%2f",
    "CON",
    "nul.txt",
    "a|b",
    "trailing.",
    "x=y",
    "~root",
    "line\nbreak",
    "ünïcödé",
    "🦆",
]


@pytest.mark.parametrize("name", [*HOSTILE, "", ".", "..", "a//b", "a/", "/a", "a" * 300, "Ä"])
def test_hostile_asset_names_are_refused(name):
    """An asset's name is plain ASCII, so that it is a folder of its own everywhere."""
    with pytest.raises(DefinitionError):
        asset(name=name)(lambda: None)


@given(st.text(min_size=1, max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_key_stays_in_its_asset_s_folder(key):
    """Whatever text a key is, it is one folder, comes back from its name, and is ASCII."""
    try:
        check_key(key, owner="test")
    except InvalidName:
        return
    folder = slot_folder("sales/orders", [("date", key)])

    last = folder.removeprefix("sales/orders/")
    assert "/" not in last
    assert last.isascii()
    assert read_path_part(last) == ("date", key)


@given(st.text(min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_unicode_forms_never_share_a_folder_unnoticed(key):
    """Two forms of one text are two names in plain ASCII: no file system can make them one."""
    other = unicodedata.normalize("NFD", key)
    try:
        names = {check_key(each, owner="test"): encoded_key(each) for each in (key, other)}
    except InvalidName:
        return

    assert len(set(names.values())) == len(names)


def test_keys_that_differ_only_in_case_are_refused():
    """Where a file system ignores case they would be one folder."""
    with pytest.raises(DefinitionError):
        StaticPartitions(["us", "US"])


def test_hostile_keys_make_the_round_trip_and_stay_inside(tmp_path):
    """They are stored, listed, loaded and queried as text, and no file is outside of the root."""

    @asset(partitions=StaticPartitions(HOSTILE))
    def prices(context) -> pd.DataFrame:
        return pd.DataFrame({"key": [context.partition_key]})

    workspace = Workspace(tmp_path / "inside")
    materialize(prices, workspace=workspace, progress="none")

    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
    assert sorted(workspace.load("prices").key) == sorted(HOSTILE)
    for key in HOSTILE:
        assert workspace.load("prices", key).key.tolist() == [key]
    assert workspace.sql("select count(*) as n from prices where key = partition").n[0] == len(
        HOSTILE
    )
    assert workspace.verify(deep=True).empty
    assert workspace.rebuild_catalog() == len(HOSTILE)
    assert len(workspace.history("prices", HOSTILE[4])) == 1


def test_views_show_hostile_text_as_text(tmp_path):
    """Keys, descriptions and errors appear escaped in notebooks."""
    evil = "<img src=x onerror=alert(1)>"

    @asset(partitions=StaticPartitions([evil]), description=evil)
    def prices(context) -> pd.DataFrame:
        raise ValueError(evil)

    workspace = Workspace(tmp_path / "views")
    result = materialize(prices, workspace=workspace, progress="none", raise_on_error=False)

    for view in (plan(prices, workspace=workspace), result, prices):
        if hasattr(view, "_repr_html_"):
            assert evil not in view._repr_html_()


def test_a_root_with_quotes_reaches_no_sql(tmp_path):
    """A folder's name is quoted wherever it stands in a query."""
    root = tmp_path / 'it\'s "quoted"; drop'

    @asset
    def prices() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    workspace = Workspace(root)
    materialize(prices, workspace=workspace, progress="none")

    assert workspace.sql("select n from prices").n.tolist() == [1]
    assert not Path("drop").exists()


def test_a_foreign_pickle_is_never_opened(tmp_path):
    """A pickle runs code when it is read; one without our record is refused unread."""
    ran = tmp_path / "ran"

    @asset(io_manager="pickle")
    def model() -> dict:
        return {"a": 1}

    workspace = Workspace(tmp_path / "pickles")
    materialize(model, workspace=workspace, progress="none")
    (file,) = [
        path
        for path in (tmp_path / "pickles" / "data" / "model").iterdir()
        if not path.name.endswith(".json")
    ]
    file.write_bytes(b"cos\nsystem\n(S'touch " + str(ran).encode() + b"'\ntR.")

    with pytest.raises(AssetkitError, match="not what was stored"):
        workspace.load("model")
    assert not ran.exists()


def test_the_catalog_runs_no_text_of_a_key(tmp_path):
    """Keys are bound values: what looks like SQL is a key like any other."""

    @asset(partitions=StaticPartitions(["x'); delete from known.materialization; --"]))
    def prices() -> pd.DataFrame:
        return pd.DataFrame({"n": [1]})

    workspace = Workspace(tmp_path / "sql")
    materialize(prices, workspace=workspace, progress="none")
    workspace.close()

    with duckdb.connect(str(tmp_path / "sql" / "catalog.duckdb"), read_only=True) as catalog:
        assert catalog.execute("select count(*) from materialization").fetchall() == [(1,)]


def test_a_secret_is_written_nowhere(tmp_path):
    """A secret of a configuration is in no file of the workspace, also where its asset failed."""

    class Login(Config):
        password: SecretStr

    @asset
    def prices(config: Login) -> pd.DataFrame:
        assert len(config.password.get_secret_value()) == 15
        return pd.DataFrame({"n": [1]})

    @asset
    def failing(config: Login) -> pd.DataFrame:
        raise ValueError(f"no access with {config.password.get_secret_value()}")

    workspace = Workspace(tmp_path / "vault")
    made = plan(
        [prices, failing],
        workspace=workspace,
        config={name: {"password": "hunter2-hunter2"} for name in ("prices", "failing")},
    )
    with pytest.raises(PlanError, match="secrets"):
        made.save(tmp_path / "vault" / "plan.json")
    result = materialize(made, workspace=workspace, progress="none", raise_on_error=False)
    workspace.close()

    assert result.materialized == [("prices", None)]
    files = [path for path in (tmp_path / "vault").rglob("*") if path.is_file()]
    assert [path.name for path in files if b"hunter2-hunter2" in path.read_bytes()] == []
