"""Layers and start-up cost: who may import whom, and what `import assetkit` may load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
HEAVY = {"croniter", "duckdb", "fsspec", "numpy", "pandas", "pyarrow", "pydantic", "rich"}


def packages_loaded_by(program: str) -> set[str]:
    """Return the top-level packages in `sys.modules` after *program* ran in a fresh interpreter."""
    report = "\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program + report], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


def test_import_contracts_hold():
    """The contracts in pyproject.toml are kept by every module, also inside functions."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache", "--no-logo"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_import_assetkit_loads_nothing_heavy():
    """Importing the package costs next to nothing: no engine, no frames, no console."""
    assert packages_loaded_by("import assetkit") & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plan", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    """Help and completion answer at once, whatever a command itself needs."""
    program = (
        "from assetkit.cli import main\n"
        f"try: main({arguments})\n"
        "except SystemExit as end: assert not end.code"
    )

    assert packages_loaded_by(program) & (HEAVY - {"fsspec"}) == set()
