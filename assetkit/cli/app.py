"""The command line's frame: which commands there are, each loaded when it is called."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from types import FrameType
from typing import Any, Final, NoReturn

import click
from click.shell_completion import shell_complete

from assetkit import __version__
from assetkit.cli.exits import DONE, Terminated, error_lines, exit_code
from assetkit.cli.options import session_options
from assetkit.cli.output import surroundings
from assetkit.cli.session import Session

COMMANDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Start": {
        "init": ("assetkit.cli.start:init", "Make a starter project that runs."),
        "validate": ("assetkit.cli.look:validate", "Load the project and check all of it."),
    },
    "Look": {
        "list": ("assetkit.cli.look:list_assets", "List the assets."),
        "show": ("assetkit.cli.look:show", "Show one asset: what it is and what it needs."),
        "graph": ("assetkit.cli.look:graph", "Show who needs whom."),
        "status": ("assetkit.cli.status:status", "Show what is materialized, and how fresh."),
        "check": ("assetkit.cli.checking:check", "Run checks on what is published."),
        "partitions": ("assetkit.cli.partitions:partitions", "Show and change partitions."),
        "sql": ("assetkit.cli.state:sql", "Query assets as tables."),
        "ui": ("assetkit.cli.ui:ui", "Serve a web page of all that."),
    },
    "Build": {
        "plan": ("assetkit.cli.build:plan", "Show what would run, and why; run nothing."),
        "materialize": ("assetkit.cli.build:materialize", "Bring assets up to date."),
        "backfill": ("assetkit.cli.backfill:backfill", "Build many partitions, on record."),
        "why": ("assetkit.cli.build:why", "Explain why something runs, or does not."),
        "retry": ("assetkit.cli.control:retry", "Run again what failed or was lost in a run."),
        "cancel": ("assetkit.cli.control:cancel", "Stop a run, or a backfill."),
        "approve": ("assetkit.cli.approval:approve", "Let steps go on that need approval."),
        "reject": ("assetkit.cli.approval:reject", "Refuse steps that need approval."),
    },
    "Automate": {
        "tick": ("assetkit.cli.automation:tick", "Do one turn of automation."),
        "hold": ("assetkit.cli.control:hold", "Have automation leave assets alone."),
        "release": ("assetkit.cli.control:release", "Let automation go on with assets."),
        "daemon": ("assetkit.cli.automation:daemon", "Do turn after turn, until told to stop."),
    },
    "History": {
        "runs": ("assetkit.cli.state:runs", "List the runs."),
        "logs": ("assetkit.cli.logs:logs", "Show what happened in a run, and what it said."),
    },
    "Change": {
        "adopt": ("assetkit.cli.change:adopt", "Make existing files partitions of an asset."),
        "accept": ("assetkit.cli.change:accept", "Let data count as made by today's code."),
        "rename": ("assetkit.cli.change:rename", "Give an asset's data another name."),
        "delete": ("assetkit.cli.change:delete", "Delete what is published of an asset."),
        "diff": ("assetkit.cli.branch:diff", "Compare a branch with its base."),
        "promote": ("assetkit.cli.branch:promote", "Publish what a branch has made in its base."),
        "catalog": ("assetkit.cli.catalog:catalog", "Check the catalog, make it again, clear up."),
    },
    "Set up": {
        "config": ("assetkit.cli.setup:config", "Show the settings and where each comes from."),
        "completion": ("assetkit.cli.setup:completion", "Print the completion script of a shell."),
    },
}
"""By section: each command's place in the code, and its line of help."""

_COMPLETE: Final = "_ASSETKIT_COMPLETE"


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in COMMANDS.values():
            if cmd_name in section:
                module, _, name = section[cmd_name][0].partition(":")
                command: click.Command = getattr(import_module(module), name)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"There is no command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in section.items()])


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:  # noqa: FBT001
    if asked and not ctx.resilient_parsing:
        click.echo(f"assetkit {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Selections: name, +name, name+, group:raw, tag:pii, state:stale, 'a or b', "
    "name@2026-01-01..2026-01-31; quote what has spaces, * or parentheses.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Print the version.",
)
@session_options
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Data assets as plain Python functions: planned, explained, built.

    Results go to stdout, progress and errors to stderr. Exit codes: 0 done,
    1 an asset failed, 2 wrong usage, 3 the definitions do not load, 4 (with
    --exit-code) there is work, 5 locked, 6 the saved plan no longer fits,
    130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (None: that of the process) and exit with its code."""
    session = Session()
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_guarded(lambda: _invoke(arguments, session), session))


def _invoke(arguments: Sequence[str] | None, session: Session) -> int:
    if asked := surroundings().get(_COMPLETE):
        return shell_complete(cli, {"obj": session}, "assetkit", _COMPLETE, asked)
    # Not through cli.main, which would end the process itself where a pipe is closed.
    words = sys.argv[1:] if arguments is None else list(arguments)
    with cli.make_context("assetkit", words, obj=session) as context:
        result = cli.invoke(context)
    sys.stdout.flush()
    return result if isinstance(result, int) else DONE


def _guarded(command: Callable[[], int], session: Session) -> int:
    """Run a command; say what went wrong, and return the exit code."""
    try:
        return command()
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        # The reader (head, less) has what it wants; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(asked.format_message())
        return DONE
    except (Exception, KeyboardInterrupt, Terminated) as error:  # noqa: BLE001  said, with its code
        for line in error_lines(error, full=session.traceback):
            click.echo(session.err.shown(line), err=True)
        return exit_code(error)


def _terminate(_signal: int, _frame: FrameType | None) -> Any:
    raise Terminated
