"""Launch what was previewed: a process of its own, which outlives the page.

Rule 1: what runs is the kept plan, by ``assetkit materialize FILE``: the same code as in a
terminal, which looks once more whether the plan still fits.
Rule 2: the process leads a session of its own: neither Ctrl-C nor a restart of the page ends it.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assetkit.web.reading import Refusal
from assetkit.web.source import Source

_PATIENCE = 20.0
_BEAT = 0.05
_OUTDATED = 6
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A run that was begun. ``run_id`` is empty where there was nothing to do, or it is slow."""

    run_id: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Ranges of an asset's partitions, in the order in which to fill them."""

    asset: str
    batches: Sequence[str]
    at_once: int = 1


def launch(source: Source, plan_id: str, file: Path) -> Launched:
    """Begin to run a kept plan; return once its run is known.

    Raises `Refusal` (409) where the plan no longer fits, (500) where it did not begin.
    """
    words = [*source.arguments(), "materialize", str(file), "--json", "--yes"]
    return _begin(source, ["-m", "assetkit", *words], file.parent.parent / "launches" / plan_id)


def launch_batches(source: Source, backfill: Backfill, notes: Path) -> Launched:
    """Begin to run the batches of a backfill, one after another; *notes*: where to write.

    Raises `Refusal` (500) where the first does not begin.
    """
    begun = [*source.arguments(), "backfill", "-s", backfill.asset, "--json", "--yes"]
    begun += ["--max-concurrency", str(backfill.at_once)] if backfill.at_once > 1 else []
    commands = [[*begun, "--partitions", one] for one in backfill.batches]
    notes.mkdir(parents=True, exist_ok=True)
    file = notes / f"backfill-{secrets.token_hex(4)}.json"
    # More batches than fit into a command line are common: they are in a file.
    file.write_text(json.dumps(commands), encoding="utf-8")
    return _begin(source, ["-m", "assetkit.web.batches", str(file)], file.with_suffix(""))


def _begin(source: Source, words: Sequence[str], notes: Path) -> Launched:
    """Begin a process of its own; return once its first event is there."""
    notes.parent.mkdir(parents=True, exist_ok=True)
    out, err = notes.with_suffix(".jsonl"), notes.with_suffix(".err")
    command = [sys.executable, *words]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603  our own command line
            command,
            cwd=source.folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    _children.append(process)
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        ended = process.poll()
        if (first := _first_event(out)) is not None:
            return _begun(first)
        if ended is not None:
            words = err.read_text(encoding="utf-8", errors="replace").strip()
            status = 409 if ended == _OUTDATED else 500
            kind = "PlanOutdated" if ended == _OUTDATED else "LaunchFailed"
            raise Refusal(kind, words.removeprefix("error: ") or f"exit code {ended}", status)
        time.sleep(_BEAT)
    return Launched(run_id="", words="It is starting; it will show among the runs.")


def reap() -> Sequence[subprocess.Popen[bytes]]:
    """Take note of launched processes that have ended, so that none is left as a zombie.

    Return those that go on.
    """
    _children[:] = [one for one in _children if one.poll() is None]
    return tuple(_children)


def _first_event(file: Path) -> dict[str, Any] | None:
    line = file.read_bytes().partition(b"\n")
    if not line[1]:
        return None
    found: dict[str, Any] = json.loads(line[0])
    return found


def _begun(event: dict[str, Any]) -> Launched:
    if event["event"] == "nothing_to_do":
        return Launched(run_id="", words="Nothing had to be done any more.")
    return Launched(run_id=event.get("run_id", ""), words="")
