"""Options that several commands share, and the class of their commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from assetkit.cli.session import Session, remembered_names

Function = TypeVar("Function", bound=Callable[..., Any])
_RUN_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Verb(click.Command):
    """A command with examples at the end of its help, and the options that all commands take."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params += _session_parameters(hidden=True)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Also"):
            formatter.write_text("-m/--module, --workspace, --color, --traceback: see assetkit -h")
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class VerbGroup(Verb, click.Group):
    """A command that does something by itself, and has commands of its own."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        super().format_epilog(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        click.Command.format_options(self, ctx, formatter)


def session_options(function: Function) -> Function:
    """Add the options that say which project and workspace, and how to show things."""
    for parameter in reversed(_session_parameters(hidden=False)):
        _attach(function, parameter)
    return function


def select_option(function: Function) -> Function:
    """Add the option that selects assets."""
    option = click.Option(
        ["-s", "--select"],
        multiple=True,
        metavar="EXPR",
        shell_complete=complete_assets,
        help="Which assets, e.g. '+report' or 'group:raw@latest:7'. Repeated: all of them.",
    )
    _attach(function, option)
    return function


def plan_argument(function: Function) -> Function:
    """Add the argument that is a saved plan or a job, instead of a selection."""
    named = click.Argument(["file_or_job"], metavar="[PLANFILE|JOB]", required=False)
    _attach(function, named)
    return function


def partitions_option(function: Function) -> Function:
    """Add the option that selects partitions."""
    option = click.Option(
        ["--partitions"],
        metavar="KEYS",
        help="Which partitions: a key, a..b, latest, latest:7, missing, stale, failed, all.",
    )
    _attach(function, option)
    return function


def job_option(function: Function) -> Function:
    """Add the option that takes a job instead of a selection."""
    option = click.Option(
        ["-j", "--job"], metavar="NAME", help="What a job of the project selects."
    )
    _attach(function, option)
    return function


def json_option(function: Function) -> Function:
    """Add ``--json``."""
    _attach(function, click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."))
    return function


def yes_option(function: Function) -> Function:
    """Add ``--yes``."""
    _attach(function, click.Option(["-y", "--yes"], is_flag=True, help="Do not ask."))
    return function


def duration(_: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return a span of time as it was given; refuse what is none."""
    from assetkit.definitions.durations import seconds_of
    from assetkit.errors import InvalidArgument

    try:
        seconds_of(value, owner="", argument=str(parameter.name), zero=True)
    except InvalidArgument:
        raise click.BadParameter(
            f"{value!r} is no span of time. Write it as '90s', '10min', '2h' or '1d 6h'."
        ) from None
    return value


def run_id_option(function: Function) -> Function:
    """Add ``--run-id``, for programs that launch a run and want to know it at once."""

    def checked(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
        if value is not None and not _RUN_ID.fullmatch(value):
            raise click.BadParameter("a run id is letters, digits and dashes, 64 at most.")
        return value

    _attach(function, click.Option(["--run-id"], hidden=True, callback=checked))
    return function


def complete_assets(
    ctx: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the name of an asset from what the last load wrote down; nothing is imported."""
    lead = incomplete[: len(incomplete) - len(incomplete.lstrip("+0123456789"))]
    begun = incomplete[len(lead) :]
    session = ctx.find_object(Session) or Session()
    return [
        CompletionItem(lead + name)
        for name in remembered_names(session.workspace_root)
        if name.startswith(begun)
    ]


def _attach(function: Callable[..., Any], parameter: click.Parameter) -> None:
    if isinstance(function, click.Command):
        function.params.append(parameter)
        return
    known = function.__dict__.setdefault("__click_params__", [])
    known.append(parameter)


def _session_parameters(*, hidden: bool) -> list[click.Parameter]:
    """Make the options anew for each command, since click keeps state in them."""

    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None and parameter.name is not None:
            setattr(ctx.ensure_object(Session), parameter.name, value)
        return value

    def option(names: list[str], **settings: Any) -> click.Option:
        settings |= {"hidden": hidden, "expose_value": False, "callback": keep, "default": None}
        return click.Option(names, is_eager=True, **settings)

    return [
        option(
            ["-m", "--module", "module"],
            metavar="MODULE",
            help="The project: a module or a file. Default: [tool.assetkit] in pyproject.toml.",
        ),
        option(
            ["--workspace", "workspace_root"],
            metavar="ROOT",
            help="Where data and catalog live: a path or URL. Default: .assetkit.",
        ),
        option(
            ["--base", "base_root"],
            metavar="ROOT",
            help="The workspace that this one is a branch of: what it lacks is read from there.",
        ),
        option(
            ["--color", "color"],
            type=click.Choice(["auto", "always", "never"]),
            help="When to colour. NO_COLOR and FORCE_COLOR are honoured.",
        ),
        option(
            ["--traceback", "traceback"],
            is_flag=True,
            flag_value=True,
            help="Show the whole traceback of an error.",
        ),
    ]
