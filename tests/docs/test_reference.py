"""The reference is whole: each error, command, option and glossary word is there."""

from pathlib import Path

import click
import pytest

import assetkit.errors
from assetkit.cli import main

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def page(name: str) -> str:
    """Return the text of a reference page."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def commands(group: click.Group, path: str = "assetkit") -> dict[str, click.Command]:
    """Return each command by its full name, those of groups inside too."""
    context = click.Context(group)
    found: dict[str, click.Command] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found |= commands(command, f"{path} {name}")
        else:
            found[f"{path} {name}"] = command
    return found


def test_every_error_is_explained():
    """Each class of the error tree has its line."""
    classes = [
        name
        for name, value in vars(assetkit.errors).items()
        if isinstance(value, type) and issubclass(value, assetkit.errors.AssetkitError)
    ]
    text = page("errors.md")

    assert [name for name in classes if f"`{name}`" not in text] == []


@pytest.mark.parametrize("name", sorted(commands(main)))
def test_every_command_is_explained(name):
    """Each command has a heading, and each of its visible options is named below it."""
    text = page("cli.md")
    heading = f"### `{name}"
    assert heading in text

    section = text.split(heading)[1].split("\n### ")[0].split("\n## ")[0]
    options = [
        max(option.opts, key=len)
        for option in commands(main)[name].params
        if isinstance(option, click.Option) and not option.hidden
    ]
    shared = text.split("## Options of all commands")[1].split("\n## ")[0]

    assert [o for o in options if o not in section and o not in shared] == []


def test_glossary_is_sorted():
    """A word is found where the alphabet has it, once."""
    rows = [line for line in page("glossary.md").splitlines() if line.startswith("| ")][1:]
    words = [row.split("|")[1].strip().lower() for row in rows]

    assert words == sorted(set(words))
