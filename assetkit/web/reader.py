"""The process that reads: it alone loads the project and opens the catalog, on request.

It gets questions as JSON lines on stdin, and answers each with a line on stdout. The
project's code runs here, never in the process that answers browsers: what it prints goes
to stderr, and a project that does not load, or hangs, is somebody else's trouble.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import IO, Any, Final

from assetkit import __version__
from assetkit.catalog.approvals import ApprovalStatus
from assetkit.errors import (
    AssetkitError,
    CatalogLocked,
    InvalidArgument,
    PlanError,
    PlanOutdated,
    UnknownAsset,
    UnknownPartition,
)
from assetkit.project import load_project
from assetkit.web.assets import asset_page
from assetkit.web.backfills import backfill_batches, backfill_page
from assetkit.web.board import board_page
from assetkit.web.desk import Desk, NotFoundHere, RenamedHere, UnknownHere
from assetkit.web.lineage import lineage_page
from assetkit.web.plainvalues import plain
from assetkit.web.plans import kept_plan_page, make_plan_page, retry_plan_page, run_of_plan
from assetkit.web.runlines import runs_page
from assetkit.web.runs import log_text, run_page
from assetkit.web.source import Source
from assetkit.workspace import Workspace, deciding, holds

_AT_ONCE = 4


def cancel(desk: Desk, *, run_id: str) -> dict[str, Any]:
    """Ask a run to stop."""
    return {"asked": desk.workspace.cancel(run_id)}


def decide(desk: Desk, *, run_id: str, step: str, status: str, note: str = "") -> dict[str, Any]:
    """Approve or reject a step that waits."""
    made = deciding.decide(desk.core, run_id, [step], ApprovalStatus(status), note)
    return {"decided": [str(one.status) for one in made]}


def hold(desk: Desk, *, asset: str, reason: str = "") -> dict[str, Any]:
    """Have automation leave an asset alone."""
    key = desk.find_asset(asset)
    return {"changed": holds.hold(desk.core, [key], reason) != []}


def release(desk: Desk, *, asset: str) -> dict[str, Any]:
    """Let automation go on with an asset."""
    return {"changed": holds.release(desk.core, [desk.find_asset(asset)]) != []}


ASKED: Final[Mapping[str, Callable[..., Any]]] = {
    "board": board_page,
    "asset": asset_page,
    "runs": runs_page,
    "run": run_page,
    "log_text": log_text,
    "lineage": lineage_page,
    "make_plan": make_plan_page,
    "retry_plan": retry_plan_page,
    "kept_plan": kept_plan_page,
    "run_of_plan": run_of_plan,
    "backfill": backfill_page,
    "backfill_batches": backfill_batches,
    "cancel": cancel,
    "decide": decide,
    "hold": hold,
    "release": release,
}
"""What can be asked, by name."""

_STATUS: Final = (
    (NotFoundHere, 404),
    (UnknownAsset, 404),
    (UnknownPartition, 404),
    (PlanOutdated, 409),
    (CatalogLocked, 503),
    (PlanError, 400),
    (InvalidArgument, 400),
)


def answer(desk: Desk, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a question, or what went wrong and the HTTP status that fits."""
    try:
        found = ASKED[question["ask"]](desk, **question["arguments"])
        return {"id": question["id"], "page": plain(found)}
    except AssetkitError as error:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        said = {"kind": type(error).__name__, "message": str(error), "status": status}
        if isinstance(error, UnknownHere | RenamedHere):
            said["near"] = error.near
    except Exception as error:  # noqa: BLE001  told to whoever asked; the process goes on
        traceback.print_exc()
        said = {"kind": type(error).__name__, "message": str(error), "status": 500}
    return {"id": question["id"], "error": said}


def serve(source: Source, questions: IO[str], answers: IO[str]) -> None:
    """Load the project, say how that went, then answer until there are no more questions."""
    desk, problem = _load(source)
    lock = Lock()

    def say(value: Mapping[str, Any]) -> None:
        line = json.dumps(value)
        with lock:
            answers.write(f"{line}\n")
            answers.flush()

    say({"hello": True, "problem": problem, "version": __version__})
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        threads.submit(desk.standing)  # what the first page will ask for
        for line in questions:
            threads.submit(lambda asked: say(answer(desk, asked)), json.loads(line))


def _load(source: Source) -> tuple[Desk, str]:
    """Return the desk, without a project where there is none that loads, and why it does not."""
    workspace = Workspace(source.root, base=source.base)
    if source.module is None:
        return Desk(workspace, None), ""
    try:
        definitions = load_project(source.module, Path(source.folder))
        definitions.validate()
        return Desk(workspace, definitions), ""
    except AssetkitError as error:
        return Desk(workspace, None), str(error)


def main(text: str) -> None:
    """Serve the source that *text* says, on the pipes of this process."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    questions = os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8")
    # What the project prints is no answer, and it has no questions to read.
    os.dup2(sys.stderr.fileno(), 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    serve(Source.read(text), questions, answers)


if __name__ == "__main__":
    main(sys.argv[1])
