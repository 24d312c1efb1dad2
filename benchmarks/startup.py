"""How long it takes until something happens: imports, a first run in a fresh process, the exit."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import Figure, best, show

TINY = """
import sys
import pandas as pd
from assetkit import asset, materialize, Workspace
@asset
def one() -> pd.DataFrame:
    return pd.DataFrame({"n": [1, 2, 3]})
@asset
def two(one: pd.DataFrame) -> pd.DataFrame:
    return one * 2
@asset
def three(two: pd.DataFrame) -> pd.DataFrame:
    return two + 1
materialize(three, workspace=Workspace(sys.argv[1]), progress="none")
"""
PLAIN = """
import sys
from pathlib import Path
import duckdb
import pandas as pd
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
one = pd.DataFrame({"n": [1, 2, 3]})
one.to_parquet(folder / "one.parquet")
two = pd.read_parquet(folder / "one.parquet") * 2
two.to_parquet(folder / "two.parquet")
three = pd.read_parquet(folder / "two.parquet") + 1
three.to_parquet(folder / "three.parquet")
"""
AGAIN = (
    TINY
    + """
import time
start = time.perf_counter()
materialize(three, workspace=Workspace(sys.argv[1]), progress="none")
"""
)


def python(*arguments: str) -> float:
    """Return the seconds of a fresh interpreter's whole life."""
    return best(
        lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True),
        times=5,
    )


def figures() -> Iterator[Figure]:
    """Measure."""
    bare = python("-c", "pass")
    light = python("-c", "import assetkit") - bare
    yield Figure(
        what="import assetkit, over bare Python",
        value=light,
        unit="s",
        aim="<= 0.10 s",
        met=light <= 0.10,
    )
    names = python("-c", "from assetkit import DailyPartitions, FreshnessPolicy, asset") - bare
    yield Figure(what="... and the names that declare assets", value=names, unit="s")
    heavy = python("-c", "import pandas, pyarrow, duckdb") - bare
    yield Figure(what="pandas + pyarrow + duckdb, for comparison", value=heavy, unit="s")
    help_ = python("-m", "assetkit", "--help") - bare
    yield Figure(
        what="assetkit --help, over bare Python",
        value=help_,
        unit="s",
        aim="<= 0.12 s",
        met=help_ <= 0.12,
    )
    with tempfile.TemporaryDirectory() as folder:
        tiny, plain = Path(folder) / "tiny.py", Path(folder) / "plain.py"
        tiny.write_text(TINY, encoding="utf-8")
        plain.write_text(PLAIN, encoding="utf-8")
        number = iter(range(10_000))
        fresh = lambda script: best(  # noqa: E731
            lambda: subprocess.run(
                [sys.executable, str(script), f"{folder}/{next(number)}"],
                check=True,
                capture_output=True,
            ),
            times=5,
        )
        least, ours = fresh(plain), fresh(tiny)
        yield Figure(
            what="three tiny assets in a fresh process, stored",
            value=ours,
            unit="s",
            beside=least,
            peer="plain pandas script",
            aim="<= 0.25 s over it",
            met=ours - least <= 0.25,
        )


if __name__ == "__main__":
    show(figures())
