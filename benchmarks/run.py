"""Print every figure beside its floor or peer: ``python benchmarks/run.py [startup engine ...]``.

Machines differ and are noisy: the ratios are what counts. With Dagster installed
(``pip install dagster``; it is no dependency), its figures for the same work follow.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = (
    "startup",
    "engine",
    "executors",
    "streaming",
    "storage",
    "planning",
    "partitions",
    "automation",
    "page",
)


def main(asked: list[str]) -> int:
    """Run each part in a process of its own, so that none warms up another."""
    parts = asked or [*PARTS, *(["dagster_peer"] if importlib.util.find_spec("dagster") else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])}
    # Installed packages have their bytecode; so shall this one.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    failed = 0
    for part in parts:
        print(f"\n{part}", flush=True)
        done = subprocess.run(
            [sys.executable, str(HERE / f"{part}.py")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            failed += 1
            print(done.stderr[-2_000:], file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
