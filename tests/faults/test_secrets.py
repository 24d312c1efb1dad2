"""Secrets of resources reach no log, error, catalog, plan file, traceback or page."""

import json
import traceback

import pandas as pd
import pytest
from pydantic import SecretStr

from assetkit import (
    MaterializationError,
    Output,
    ProcessExecutor,
    Resource,
    Workspace,
    asset,
    asset_check,
    env,
    materialize,
    plan,
)
from assetkit.errors import PlanError

PASSWORD = "hunter2'S%öß"
TOKEN = "tok-1234567890"


class Database(Resource):
    password: SecretStr
    token: str = env("TOKEN_OF_A_TEST")
    port: int = 5432

    def connect(self) -> str:
        return f"db://me:{self.password.get_secret_value()}@host?token={self.token}"


class Refused(Exception):
    """An error that keeps its text to itself until it is shown."""

    def __init__(self, url):
        super().__init__("refused")
        self.url = (url,)

    def __str__(self):
        return f"no way to {self.url[0]}"


@asset
def talkative(context, db: Database) -> pd.DataFrame:
    print("connecting to", db.connect())  # noqa: T201
    context.log.info("again, to %s", db.connect())
    context.add_metadata({"url": db.connect(), "deep": [{"token": db.token}]})
    return Output(pd.DataFrame({"x": [1]}), metadata={"also": db.connect()})


@asset
def failing(db: Database) -> None:
    try:
        {}[db.password.get_secret_value()]
    except KeyError as error:
        raise ConnectionError(111, f"cannot reach {db.connect()}") from error


@asset
def stubborn(db: Database) -> None:
    raise Refused(db.connect())


@asset
def opened(db: Database) -> None:
    open(f"/nowhere/{db.token}")  # noqa: PTH123, SIM115


@pytest.fixture
def resources(monkeypatch):
    monkeypatch.setenv("TOKEN_OF_A_TEST", TOKEN)
    return {"db": Database(password=PASSWORD)}


def leaks(text: str) -> bool:
    """Tell whether a text has a secret, as it is or quoted."""
    return any(one in text for one in ("hunter2", "tok-12345"))


def files(folder) -> str:
    return "".join(
        path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize("executor", [None, ProcessExecutor(1)], ids=["here", "processes"])
def test_nothing_that_is_kept_has_a_secret(tmp_path, resources, executor):
    """Not the catalog, not the logs, not the data's record, not a saved plan, not a page."""
    every = [talkative, failing, stubborn, opened]
    with Workspace(tmp_path / "w", resources=resources) as workspace:
        made = plan(every, workspace=workspace)
        made.save(tmp_path / "plan.json")
        result = materialize(
            every, workspace=workspace, executor=executor, raise_on_error=False, progress="none"
        )
        shown = str(result) + result._repr_html_() + made._repr_html_()
        shown += workspace.events(result.run_id).to_csv() + workspace.history("talkative").to_csv()

    assert (len(result.materialized), len(result.failed)) == (1, 3), result.failures
    assert not leaks(files(tmp_path))
    assert not leaks(shown)
    assert "*****" in files(tmp_path / "w" / ".assetkit" / "logs")


def test_the_error_that_is_raised_has_none(tmp_path, resources):
    """Nor its causes, with whatever prints them."""
    workspace = Workspace(tmp_path / "w", resources=resources)

    for target, kind in ((failing, "ConnectionError"), (stubborn, "Refused"), (opened, "File")):
        with pytest.raises(MaterializationError) as raised:
            materialize(target, workspace=workspace, progress="none")
        told = "".join(traceback.format_exception(raised.value)) + repr(raised.value.__cause__)
        assert kind in told
        assert "*****" in told
        assert not leaks(told)


def test_a_check_that_fails_has_none(tmp_path, resources):
    """What a check says, or raises, is masked, too."""

    @asset_check
    def honest(table: pd.DataFrame) -> bool:
        raise ValueError(resources["db"].connect())

    @asset(checks=[honest])
    def table(db: Database) -> pd.DataFrame:
        return pd.DataFrame({"x": [1]})

    with Workspace(tmp_path / "w", resources=resources) as workspace:
        materialize(table, workspace=workspace, progress="none")

    assert not leaks(files(tmp_path / "w"))


def test_a_resource_that_cannot_be_made_shows_no_value(tmp_path, monkeypatch):
    """Pydantic would show what it was given."""

    class Strict(Resource):
        pin: int = env("PIN_OF_A_TEST")

    @asset
    def user(strict: Strict) -> None: ...

    monkeypatch.setenv("PIN_OF_A_TEST", "letmein-99")
    with pytest.raises(PlanError, match="pin: Input should be a valid integer") as refused:
        materialize(user, workspace=Workspace(tmp_path / "w"), progress="none")
    assert "letmein" not in "".join(traceback.format_exception(refused.value))


def test_short_values_are_left_alone(tmp_path, monkeypatch):
    """A secret of three letters would be found everywhere."""

    class Tiny(Resource):
        code: SecretStr = SecretStr("abc")

    @asset
    def words(tiny: Tiny, context) -> pd.DataFrame:
        context.add_metadata({"alphabet": "abcdef"})
        return pd.DataFrame({"x": [1]})

    workspace = Workspace(tmp_path / "w")
    materialize(words, workspace=workspace, progress="none")

    assert json.loads(workspace.history("words").metadata[0])["alphabet"] == "abcdef"
