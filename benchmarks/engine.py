"""What the engine costs per asset and per partition, beside plain loops that do only the work."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import Figure, best, show

from assetkit import AssetIn, BackfillPolicy, DailyPartitions, Workspace, asset, materialize, plan
from assetkit.catalog.memory import MemoryCatalog
from assetkit.graph.build import build_graph
from assetkit.io import MemoryIOManager

DAYS = DailyPartitions("2013-01-01", end="2014-01-01")
ROWS = 1_000


def frame(seed: int) -> pd.DataFrame:
    """Return one day of data: five columns of numbers and text."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(ROWS),
            "a": rng.random(ROWS),
            "b": rng.integers(0, 100, ROWS),
            "c": rng.random(ROWS),
            "name": rng.choice(["x", "y", "z"], ROWS),
        }
    )


def chain(backfill: BackfillPolicy) -> list[Any]:
    """Define three assets of 365 days."""
    single = backfill.size is None

    @asset(partitions=DAYS, backfill=backfill, code_version="1")
    def raw(context: Any) -> pd.DataFrame:
        if not single:
            return frame(int(context.partition_key[-2:]))
        days = [frame(int(k[-2:])).assign(partition=k) for k in context.partition_keys]
        return pd.concat(days, ignore_index=True)

    @asset(partitions=DAYS, backfill=backfill, code_version="1")
    def scaled(raw: pd.DataFrame) -> pd.DataFrame:
        return raw.assign(a=raw.a * 2)

    @asset(partitions=DAYS, backfill=backfill, code_version="1")
    def kept(scaled: pd.DataFrame) -> pd.DataFrame:
        return scaled[scaled.b > 10].reset_index(drop=True)

    return [raw, scaled, kept]


def plain_loop(folder: Path) -> None:
    """Do the same with pandas alone: no hash, no sync, no record."""
    for name in ("raw", "scaled", "kept"):
        (folder / name).mkdir(parents=True)
    for day in pd.date_range("2013-01-01", "2013-12-31"):
        key = f"{day:%Y-%m-%d}.parquet"
        frame(day.day).to_parquet(folder / "raw" / key)
        raw = pd.read_parquet(folder / "raw" / key)
        raw.assign(a=raw.a * 2).to_parquet(folder / "scaled" / key)
        scaled = pd.read_parquet(folder / "scaled" / key)
        scaled[scaled.b > 10].reset_index(drop=True).to_parquet(folder / "kept" / key)


def trivial(count: int) -> list[Any]:
    """Define a chain of assets that do nothing."""
    made: list[Any] = []
    for number in range(count):
        above = {"ins": {"x": AssetIn(key=made[-1])}} if made else {}
        function = (lambda x: x) if made else (lambda: None)
        function.__name__ = f"n{number}"
        made.append(asset(name=f"n{number}", code_version="1", **above)(function))
    return made


def run(assets: list[Any], workspace: Workspace) -> None:
    """Materialize, and be sure that it worked."""
    assert materialize(assets, workspace=workspace, progress="none").success


def figures(root: Path) -> Iterator[Figure]:
    """Measure."""
    folders = (root / f"w{number}" for number in range(1_000))
    assets = trivial(1_000)
    memory = lambda: Workspace(  # noqa: E731
        next(folders), catalog=MemoryCatalog(), io_managers={"parquet": MemoryIOManager()}
    )
    functions = [each.__wrapped__ for each in assets]

    def bare() -> None:
        functions[0]()
        for function in functions[1:]:
            function(None)

    floor = best(bare) * 1e3
    in_memory = best(lambda: run(assets, memory()))
    yield Figure(
        what="1,000 trivial assets, in memory, each",
        value=in_memory,
        unit="ms",
        beside=floor / 1e3,
        peer="plain calls",
        aim="<= 0.2 ms",
        met=in_memory <= 0.2,
    )
    recorded = best(lambda: run(assets, Workspace(next(folders))))
    yield Figure(
        what="1,000 trivial assets, recorded, each",
        value=recorded,
        unit="ms",
        aim="<= 0.5 ms",
        met=recorded <= 0.5,
    )

    least = best(lambda: plain_loop(next(folders)))
    days = chain(BackfillPolicy.per_partition())
    ours = best(lambda: run(days, Workspace(next(folders))))
    yield Figure(
        what="3 assets x 365 days, hashed, synced, recorded",
        value=ours,
        unit="s",
        beside=least,
        peer="plain pandas loop",
        aim="<= 1.1 x",
        met=ours <= 1.1 * least,
    )
    single = best(lambda: run(chain(BackfillPolicy.single_run()), Workspace(next(folders))))
    yield Figure(
        what="the same as a single run, one call per asset",
        value=single,
        unit="s",
        aim="<= 1.0 s",
        met=single <= 1.0,
    )

    built = Workspace(next(folders))
    run(days, built)
    idle = best(lambda: run(days, built), times=5)
    yield Figure(
        what="nothing to do, 1,095 slots", value=idle, unit="s", aim="<= 0.05 s", met=idle <= 0.05
    )

    many = best(lambda: build_graph(trivial(10_000)), times=1)
    yield Figure(
        what="10,000 assets: definitions usable", value=many, unit="s", aim="<= 1 s", met=many <= 1
    )
    module = fingerprinted(root, 10_000)
    first = best(lambda: plan(module, workspace=memory()), times=1)
    yield Figure(
        what="10,000 assets: first plan with fingerprints",
        value=first,
        unit="s",
        aim="<= 4 s",
        met=first <= 4,
    )


def fingerprinted(root: Path, count: int) -> list[Any]:
    """Return assets from a module on disk, whose code is to be read."""
    lines = ["from assetkit import asset", "RATE = 3", "def helper(x): return (x or 0) * RATE"]
    for number in range(count):
        above = f"n{number - 1}=None" if number % 100 else ""
        lines += ["@asset", f"def n{number}({above}): return helper({number})"]
    (root / "tenthousand.py").write_text("\n".join(lines), encoding="utf-8")
    sys.path.insert(0, str(root))
    module = __import__("tenthousand")
    return [getattr(module, f"n{number}") for number in range(count)]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder)))
