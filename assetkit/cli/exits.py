"""How a command ends: the one place where errors become exit codes and messages.

| code | meaning |
|---|---|
| 0 | done, or nothing to do |
| 1 | an asset or a check failed, or the surroundings did |
| 2 | wrong usage, or a selection that matches nothing |
| 3 | the definitions do not load |
| 4 | only with ``--exit-code``: there is work to do, or a promise is late |
| 5 | locked by another process |
| 6 | the saved plan no longer fits |
| 130 | interrupted (143: terminated) |
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

import click

from assetkit.errors import (
    AssetkitError,
    CatalogLocked,
    DefinitionError,
    MaterializationError,
    PlanError,
    PlanOutdated,
)

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNLOADABLE: Final = 3
WORK_TO_DO: Final = 4
LOCKED: Final = 5
OUTDATED: Final = 6
INTERRUPTED: Final = 130
TERMINATED: Final = 143

_CODES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (PlanOutdated, OUTDATED),
    (CatalogLocked, LOCKED),
    (DefinitionError, UNLOADABLE),
    (PlanError, USAGE),
    (click.UsageError, USAGE),
    (KeyboardInterrupt, INTERRUPTED),
    (click.Abort, INTERRUPTED),
)
_OURS = str(Path(__file__).resolve().parent.parent)


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM; runs take it as they take Ctrl-C."""


def exit_code(error: BaseException) -> int:
    """Return the code that a command ends with after *error*.

    >>> exit_code(PlanOutdated("moved")), exit_code(KeyboardInterrupt()), exit_code(OSError())
    (6, 130, 1)
    """
    if isinstance(error, Terminated):
        return TERMINATED
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def error_lines(error: BaseException, *, full: bool = False) -> Iterator[str]:
    """Yield what is said of an error: a sentence, the user's own frame, the way to more.

    *full* adds the whole traceback before it.
    """
    if full:
        yield from "".join(traceback.format_exception(error)).rstrip().splitlines()
    if isinstance(error, KeyboardInterrupt | click.Abort | Terminated):
        yield "interrupted: what was committed stays, and the next run goes on from there"
        yield from getattr(error, "__notes__", ())
        return
    if isinstance(error, click.UsageError):
        yield f"error: {error.format_message()}"
        if error.ctx is not None:
            yield f"Help: {error.ctx.command_path} --help"
        return
    if isinstance(error, click.ClickException):
        yield f"error: {error.format_message()}"
        return
    if isinstance(error, AssetkitError):
        yield f"error: {error}"
        if error.__cause__ is not None and not isinstance(error, MaterializationError):
            yield from _users_frame(error.__cause__)
        return
    yield f"error: {type(error).__name__}: {error}"
    yield from _users_frame(error)
    if not full:
        yield "This was not foreseen: please report it with the output of --traceback."


def _users_frame(error: BaseException) -> Iterator[str]:
    """Yield the innermost place in code that is neither ours nor a library's."""
    own = [place for place in _places(error.__traceback__) if _is_users(place[0])]
    if isinstance(error, SyntaxError) and error.filename:
        yield f"  {error.filename}:{error.lineno}  {type(error).__name__}: {error.msg}"
    elif own:
        file, line, function = own[-1]
        yield f"  {file}:{line}  in {function}  {type(error).__name__}: {error}"


def _places(frame: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    while frame is not None:
        code = frame.tb_frame.f_code
        yield code.co_filename, frame.tb_lineno, code.co_name
        frame = frame.tb_next


def _is_users(file: str) -> bool:
    return not file.startswith((_OURS, "<")) and not {"site-packages", "lib"} & set(
        Path(file).parts
    )
