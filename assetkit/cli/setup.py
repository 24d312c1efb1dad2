"""Commands about the command line itself: ``config``, ``completion``."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from assetkit.cli.options import Verb, json_option
from assetkit.cli.output import surroundings
from assetkit.cli.session import Session
from assetkit.display.texttable import Column

_SHELLS = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/completions/assetkit.fish",
}


@click.group()
def config() -> None:
    """Show the settings and where each comes from."""


@config.command("show", cls=Verb, examples=("assetkit config show",))
@json_option
@click.pass_obj
def config_show(session: Session, *, as_json: bool) -> None:
    """Show each setting, its value, and where that comes from."""
    rows = _settings(session)
    if as_json:
        settings = [{"name": n, "value": v or None, "origin": origin} for n, v, origin in rows]
        session.out.json("config", {"settings": settings})
        return
    titles = ("setting", "value", "from")
    session.out.table([Column(title=title, wraps=title == "value") for title in titles], rows)


@click.command(
    cls=Verb,
    examples=(
        "assetkit completion bash >> ~/.bashrc",
        "assetkit completion fish > ~/.config/fish/completions/assetkit.fish",
    ),
)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell. Asset names are those that were loaded last."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}.")
    root = ctx.find_root().command
    click.echo(kind(root, {}, "assetkit", "_ASSETKIT_COMPLETE").source())


def _base(session: Session, root: str, file: str) -> tuple[str, str]:
    """Return the base of a branch, and where that comes from."""
    from assetkit.workspace.locate import BASE_VARIABLE, default_base, lay_out, remembered_base

    here = Path.cwd()
    if session.base_root:
        return session.base_root, "--base"
    if (found := default_base(surroundings(), here)) is not None:
        return found, BASE_VARIABLE if surroundings().get(BASE_VARIABLE) else file
    remembered = remembered_base(lay_out(root, here).place)
    return remembered or "", "the branch itself" if remembered else "not set"


def _settings(session: Session) -> list[tuple[str, str, str]]:
    from assetkit.workspace.locate import VARIABLE, default_root, find_project

    project = find_project(Path.cwd())
    file = str(project.folder / "pyproject.toml") if project else ""
    settings = project.settings if project else {}
    module = session.module or str(settings.get("module", ""))
    module_from = "-m" if session.module else file if module else "not set"
    root = session.workspace_root or default_root(surroundings(), Path.cwd())
    if session.workspace_root:
        root_from = "--workspace"
    elif surroundings().get(VARIABLE):
        root_from = VARIABLE
    else:
        root_from = file if "workspace" in settings else "default"
    colour_from = "--color" if session.color != "auto" else "default"
    return [
        ("module", module, module_from),
        ("workspace", root, root_from),
        ("base", *_base(session, root, file)),
        ("color", session.color, colour_from),
    ]
