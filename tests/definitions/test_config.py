"""Resources and configuration: what is taken from where, and what is refused."""

import pytest
from pydantic import SecretStr

from assetkit.definitions.config import check_config
from assetkit.definitions.decorator import asset
from assetkit.definitions.resources import Config, Resource, env
from assetkit.errors import ConfigError


class Limits(Config):
    rows: int = 10
    names: frozenset[str] = frozenset({"b", "a"})
    token: SecretStr = SecretStr("x")


class Required(Config):
    rows: int


@asset(name="sales/limited")
def limited(limits: Limits): ...


@asset
def strict(config: Required): ...


@asset
def plain(): ...


ASSETS = {one.key: one.definition for one in (limited, strict, plain)}


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (None, 10),
        ({}, 10),
        ({"sales/limited": {"rows": 5}}, 5),
        ({"limited": {"rows": "5"}}, 5),
        ({"limited": Limits(rows=7)}, 7),
    ],
)
def test_configuration_is_filled_up(given, rows):
    """Defaults are part of it; values are brought into their type; sets have an order."""
    checked = check_config(ASSETS, given)

    assert checked["sales/limited"]["rows"] == rows
    assert checked["sales/limited"]["names"] == ["a", "b"]
    assert Limits(**checked["sales/limited"]).token.get_secret_value() == "x"
    assert set(checked) == {"sales/limited"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"limited": {"rows": "many"}}, r"limited.rows: .*, not 'many'"),
        ({"limited": {"row": 5}}, "limited.row: .*Did you mean rows"),
        ({"strict": {}}, r"strict.rows: Field required\."),
        ({"limted": {}}, "no asset has that name. Did you mean sales/limited"),
        ({"plain": {}}, "'plain' .* takes none"),
        ({"limited": 3}, "limited: "),
        ([1], "config="),
    ],
)
def test_wrong_configuration_is_refused(given, message):
    """The error names asset, field and value."""
    with pytest.raises(ConfigError, match=message):
        check_config(ASSETS, given)


def test_secrets_are_not_told():
    """An error about a secret does not show what was given for it."""
    with pytest.raises(ConfigError) as refused:
        check_config(ASSETS, {"limited": {"token": 12345}})

    assert "12345" not in str(refused.value)


class Database(Resource):
    dsn: str = "duckdb://"
    password: SecretStr = env("SHOP_PASSWORD")
    user: str = env("SHOP_USER", "guest")

    def setup(self) -> None:
        self.connection = object()
        self._cursor = 3


def test_environment_variables_are_read_when_a_resource_is_made(monkeypatch):
    """A secret comes from the environment, and never shows."""
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    database = Database()
    database.setup()

    assert database.password.get_secret_value() == "hunter2"
    assert database.user == "guest"
    assert "hunter2" not in repr(database)
    assert database.connection is not None


def test_a_variable_that_is_not_set_is_named():
    """The error says which variable, and how to give a default."""
    with pytest.raises(ConfigError, match="SHOP_PASSWORD is not set"):
        Database()
