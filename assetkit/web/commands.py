"""What a page shows or does, as a line for the terminal and one for Python, to copy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The same thing said to a shell and to Python; either may be empty."""

    shell: str
    python: str = ""


def plan_line(select: str, partitions: str, *, force: bool, upstream: bool) -> Line:
    """Return how a plan is asked for.

    >>> plan_line("+report", "latest", force=False, upstream=True).shell
    'assetkit plan -s +report --partitions latest'
    """
    return Line(
        shell=_shell("plan", select, partitions, force=force, upstream=upstream),
        python=_python("plan", select, partitions, force=force, upstream=upstream),
    )


def materialize_line(select: str, partitions: str, *, force: bool, upstream: bool) -> Line:
    """Return how the same is made."""
    return Line(
        shell=_shell("materialize", select, partitions, force=force, upstream=upstream),
        python=_python("materialize", select, partitions, force=force, upstream=upstream),
    )


def backfill_line(select: str, partitions: str, *, at_once: int) -> Line:
    """Return how a range of partitions is filled.

    >>> backfill_line("orders", "2026-01-01..2026-01-07", at_once=1).python
    "ak.backfill(project, select='orders', partitions='2026-01-01..2026-01-07')"
    """
    limit = ["--max-concurrency", str(at_once)] if at_once > 1 else []
    words = ["assetkit", "backfill", "-s", select, "--partitions", partitions, *limit]
    said = f", max_concurrency={at_once}" if at_once > 1 else ""
    python = f"ak.backfill(project, select={select!r}, partitions={partitions!r}{said})"
    return Line(shell=shlex.join(words), python=python)


def file_line(file: str) -> Line:
    """Return how a plan in a file is run."""
    shell = shlex.join(["assetkit", "materialize", file])
    return Line(shell=shell, python=f"ak.materialize(ak.Plan.load({file!r}))")


def run_line(verb: str, run_id: str, steps: Sequence[str] = ()) -> Line:
    """Return how a run is cancelled or retried, or its steps approved or rejected.

    >>> run_line("approve", "r1", ["mailed"])
    Line(shell='assetkit approve r1 mailed', python="ak.approve('r1', ['mailed'])")
    """
    words = [verb, run_id, *steps]
    python = {
        "cancel": f"workspace.cancel({run_id!r})",
        "retry": "ak.materialize(project, partitions='failed')",
        "approve": f"ak.approve({run_id!r}, {list(steps)!r})",
        "reject": f"ak.reject({run_id!r}, {list(steps)!r})",
    }[verb]
    return Line(shell=shlex.join(["assetkit", *words]), python=python)


def resume_line(backfill_id: str) -> Line:
    """Return how what is left of a backfill is done.

    >>> resume_line("bf-1").shell
    'assetkit backfill --resume bf-1'
    """
    shell = shlex.join(["assetkit", "backfill", "--resume", backfill_id])
    return Line(shell=shell, python=f"ak.resume({backfill_id!r}, project)")


def hold_line(verb: str, asset: str) -> Line:
    """Return how automation is told to leave an asset alone (``hold``), or not (``release``).

    >>> hold_line("release", "sales/orders").python
    "workspace.release('sales/orders')"
    """
    return Line(shell=shlex.join(["assetkit", verb, asset]), python=f"workspace.{verb}({asset!r})")


def _shell(verb: str, select: str, partitions: str, *, force: bool, upstream: bool) -> str:
    words = ["assetkit", verb]
    words += ["-s", select] if select else []
    words += ["--partitions", partitions] if partitions else []
    words += ["--force"] if force else []
    words += [] if upstream else ["--no-upstream"]
    return shlex.join(words)


def _python(verb: str, select: str, partitions: str, *, force: bool, upstream: bool) -> str:
    arguments = ["project"]
    arguments += [f"select={select!r}"] if select else []
    arguments += [f"partitions={partitions!r}"] if partitions else []
    arguments += ["force=True"] if force else []
    arguments += [] if upstream else ["upstream=False"]
    return f"ak.{verb}({', '.join(arguments)})"
