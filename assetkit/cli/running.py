"""Run a plan from the command line: ask where that is due, show progress, report."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from typing import Any

import click

from assetkit import executors
from assetkit.cli.checking import check_document
from assetkit.cli.output import Output, plain, surroundings
from assetkit.cli.session import Session, remember_names
from assetkit.display.quantities import count_text
from assetkit.errors import InvalidArgument, did_you_mean
from assetkit.execution.events import ProgressSink, RunEvent
from assetkit.execution.progress import choose_progress
from assetkit.execution.report import failure_lines, report_line, report_text
from assetkit.execution.result import RunResult
from assetkit.planning.plan import Plan
from assetkit.planning.text import plan_text
from assetkit.workspace.running import RunWishes, run_in

_ASK_FROM = 100
_EXECUTORS = {
    "in-process": "InProcessExecutor",
    "threads": "ThreadExecutor",
    "processes": "ProcessExecutor",
    "dask": "DaskExecutor",
    "ray": "RayExecutor",
}


def run_plan(session: Session, plan: Plan, given: Mapping[str, Any]) -> RunResult:
    """Run a plan as the options of ``materialize`` say; report on stdout."""
    as_json = bool(given["as_json"])
    if not as_json:
        _announce(session, plan, asked_already=bool(given["yes"]))
    wishes = RunWishes(
        executor=executor_of(given["executor"]),
        max_concurrency=given.get("max_concurrency"),
        on_failure="stop" if given["fail_fast"] else "continue",
        raise_on_error=False,
        progress=progress_of(session, given["progress"], as_json=as_json),
        run_id=given.get("run_id"),
        origin="cli",
        hooks=session.hooks,
    )
    # What the code of steps prints is no result, and goes where progress goes.
    with redirect_stdout(sys.stderr):
        result = run_in(plan.workspace.core, plan, wishes)
    remember_names(session.workspace_root, session.definitions)
    if not as_json:
        report(session, result)
    elif not len(plan):
        JsonLines(session.out).write("nothing_to_do", {"plan_id": plan.plan_id})
    return result


class JsonLines:
    """A progress sink that writes one JSON object a line: what programs follow a run by."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def notify(self, event: RunEvent) -> None:
        """Write *event*."""
        name = type(event).__name__
        words = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
        fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
        if "checks" in fields:
            fields["checks"] = [check_document(one) for one in fields["checks"]]
        self.write(words.removeprefix("_"), fields)

    def write(self, name: str, fields: Mapping[str, Any]) -> None:
        """Write one line."""
        line = {"schema": "assetkit.event/1", "event": name, **plain(fields)}
        with suppress(BrokenPipeError):  # whoever read this is gone; the run is not
            click.echo(json.dumps(line), file=self._out.stream)
            self._out.stream.flush()

    def close(self) -> None:
        """Leave the stream to its owner."""


def executor_of(text: str | None) -> Any:
    """Return the executor that ``NAME[:N]``, or ``NAME:ADDRESS``, names; None: nothing is said.

    Raises:
        UsageError: there is no such executor, or it takes no such number.
        MissingExtra: it needs a package that is not installed.
    """
    if text is None:
        return None
    name, colon, rest = text.partition(":")
    if name not in _EXECUTORS:
        raise click.UsageError(
            f"--executor {text!r}: there is no executor {name!r}. "
            f"{did_you_mean(name, _EXECUTORS, what='executors')}"
        )
    found = getattr(executors, _EXECUTORS[name])
    if not colon:
        return found()
    if name in ("threads", "processes") and not (rest.isdecimal() and int(rest)):
        raise click.UsageError(f"--executor {text!r}: write it as {name}:4.")
    if name == "in-process":
        raise click.UsageError(f"--executor {text!r}: in-process takes no number.")
    if name in ("dask", "ray"):
        return found(workers=int(rest)) if rest.isdecimal() else found(rest)
    return found(int(rest))


def _announce(session: Session, plan: Plan, *, asked_already: bool) -> None:
    """Show on a terminal what will run; ask where that is much."""
    if session.err.width is None or not len(plan):
        return
    heading = replace(plan.heading(), apply="")
    session.err.write(plan_text(plan.summary(), heading=heading, width=session.err.width))
    if len(plan) > _ASK_FROM and sys.stdin.isatty() and not asked_already:
        click.confirm(f"Run {count_text(len(plan), 'step')}?", default=True, abort=True, err=True)


def progress_of(session: Session, kind: str, *, as_json: bool) -> ProgressSink:
    """Return what shows progress: JSON lines where a program reads, lines of text in a log."""
    if as_json:
        return JsonLines(session.out)
    wish = None if kind == "auto" else kind
    try:
        return choose_progress(wish, surroundings(), session.err.stream, piped="lines")
    except InvalidArgument as error:  # of ASSETKIT_PROGRESS
        raise click.UsageError(str(error)) from None


def report(session: Session, result: RunResult) -> None:
    """Write what came of a run: the table to stdout, failures to stderr."""
    told = result.report()
    if not any(told.outcomes.values()):
        session.out.write(report_line(told))
        return
    session.out.write(report_text(replace(told, failures=()), width=session.out.width))
    for line in failure_lines(told):
        session.err.write(line)
