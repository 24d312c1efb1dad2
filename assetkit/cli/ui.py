"""The command ``ui``: a page on this machine."""

from __future__ import annotations

import webbrowser
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from assetkit.cli.exits import DONE
from assetkit.cli.options import Verb
from assetkit.cli.output import surroundings
from assetkit.cli.session import Session


@click.command(
    cls=Verb,
    examples=("assetkit ui", "assetkit ui --read-only --port 8080 --no-open"),
)
@click.option("--port", type=click.IntRange(0, 65_535), help="Default: 4747, or the next free.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--token", metavar="TEXT", help="What the address ends with. Default: a random one.")
@click.option("--read-only", is_flag=True, help="Show everything, start and change nothing.")
@click.option("--no-open", is_flag=True, help="Print the address; open no browser.")
@click.option("--allow-remote", is_flag=True, help="Let --host be seen by other machines.")
@click.pass_obj
def ui(session: Session, /, *, no_open: bool, **wishes: Any) -> int:
    """Serve a web page of the project and its workspace, until Ctrl-C.

    It listens on this machine only, and asks for the token in the address that it prints.
    What it launches are processes of their own, which go on when the page ends.
    """
    from assetkit.workspace.locate import default_base, default_root

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

    server.serve(source, server.Wishes(**wishes), announce)
    return DONE


def _project(session: Session) -> tuple[str | None, Path]:
    """Return the project's module and folder; without a module where none is named."""
    try:
        return session.project_place
    except click.UsageError:
        session.err.write("note: no project is named (-m), so only what was run is shown")
        return None, Path.cwd()
