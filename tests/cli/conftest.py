"""A small project on disk, and the command line called in this process."""

import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from assetkit.cli import main

SHOP = '''
"""A shop: orders by day, and what is made of them."""

import pandas as pd
from assetkit import DailyPartitions, asset

days = DailyPartitions("2026-01-01", end="2026-01-04")


@asset(partitions=days, group="raw", owners=["ann"], tags={"pii": ""})
def orders(context) -> pd.DataFrame:
    """Orders of one day."""
    print("reading", context.partition_key)
    return pd.DataFrame({"region": ["north", "south"], "amount": [1.5, 2.0]})


@asset(partitions=days)
def valid_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Orders that count."""
    return orders[orders.amount > 1]


@asset(group="reports")
def by_region(valid_orders: pd.DataFrame) -> pd.DataFrame:
    """What each region bought."""
    return valid_orders.groupby("region", as_index=False).amount.sum()
'''


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The JSON object on stdout."""
        return json.loads(self.out)

    @property
    def lines(self):
        """The JSON objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(capfd, monkeypatch):
    """Return what calls the command line and hands back how it ended."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments):
        capfd.readouterr()
        monkeypatch.setattr(sys, "path", list(sys.path))
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Make a project in an empty folder; each load reads it anew."""
    (tmp_path / "pyproject.toml").write_text('[tool.assetkit]\nmodule = "shop"\n')
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    yield Shop(tmp_path)
    sys.modules.pop("shop", None)


@dataclass(frozen=True)
class Shop:
    """The project's folder, and how its code is edited."""

    folder: Path

    def edit(self, old, new):
        """Replace text in the module, as a programmer would."""
        file = self.folder / "shop.py"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        sys.modules.pop("shop", None)
