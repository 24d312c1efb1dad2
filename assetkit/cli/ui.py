"""The command ``ui``: a page on this machine; and what of it can be published as files."""

from __future__ import annotations

import webbrowser
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from assetkit.cli.exits import DONE
from assetkit.cli.options import Verb, VerbGroup, json_option
from assetkit.cli.output import surroundings
from assetkit.cli.session import Session
from assetkit.display.quantities import count_text
from assetkit.errors import InvalidArgument


@click.command(
    "export",
    cls=Verb,
    examples=("assetkit ui export site", "assetkit -m shop.assets ui export /var/www/data"),
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@json_option
@click.pass_obj
def export(session: Session, folder: Path, *, as_json: bool) -> int:
    """Write catalogue and lineage as files for any web server.

    They can also be opened as they are. Each asset gets a page with its description, columns,
    state, checks and code; no rows and no values of the data are told. What an earlier export
    left in DIR is replaced.
    """
    exporting = import_module("assetkit.web.export")
    title, home = session.project_place
    done = exporting.export_project(
        session.definitions, session.workspace, folder, title=title, home=home.resolve()
    )
    if as_json:
        session.out.json("export", {"folder": str(folder), "assets": done.assets})
    else:
        session.out.write(
            f"{count_text(done.assets, 'asset')} in {count_text(done.files, 'file')}: "
            f"{folder / 'index.html'}"
        )
    return DONE


@click.group(
    cls=VerbGroup,
    invoke_without_command=True,
    commands={"export": export},
    examples=("assetkit ui", "assetkit ui --read-only --port 8080 --no-open"),
)
@click.option("--port", type=click.IntRange(0, 65_535), help="Default: 4747, or the next free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--token", metavar="TEXT", help="What the address ends with. Default: a random one.")
@click.option("--read-only", is_flag=True, help="Show everything, start and change nothing.")
@click.option("--no-open", is_flag=True, help="Print the address; open no browser.")
@click.option("--allow-remote", is_flag=True, help="Let --host be seen by other machines.")
@click.pass_context
def ui(context: click.Context, /, *, no_open: bool, **wishes: Any) -> int:
    """Serve a web page of the project and its workspace, until Ctrl-C.

    It listens on this machine only, and asks for the token in the address that it prints.
    What it launches are processes of their own, which go on when the page ends.
    """
    from assetkit.workspace.locate import default_base, default_root

    if context.invoked_subcommand is not None:
        return DONE
    session = context.ensure_object(Session)
    # Loaded by name: it needs an extra, and the page knows nothing of the command line.
    server = import_module("assetkit.web.server")
    module, folder = _project(session)
    root = session.workspace_root or default_root(surroundings(), Path.cwd())
    base = session.base_root or default_base(surroundings(), Path.cwd())
    source = server.source_of(module=module, folder=folder, root=root, base=base)

    def announce(address: str) -> None:
        session.out.write(f"{source.name}: {address}")
        session.out.stream.flush()
        session.err.write("Ctrl-C ends the page; runs that it launched go on.")
        if not no_open:
            webbrowser.open(address)

    try:
        server.serve(source, server.Wishes(**wishes), announce)
    except InvalidArgument as error:  # an option's, not a definition's
        raise click.UsageError(str(error)) from None
    return DONE


def _project(session: Session) -> tuple[str | None, Path]:
    """Return the project's module and folder; without a module where none is named."""
    try:
        return session.project_place
    except click.UsageError:
        session.err.write("note: no project is named (-m), so only what was run is shown")
        return None, Path.cwd()
