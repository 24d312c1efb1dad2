"""The reference is whole: errors, commands, words and links."""

import re
from pathlib import Path

import assetkit.errors
from scripts.cli_reference import render

PROJECT = Path(__file__).parents[2]
REFERENCE = PROJECT / "docs" / "reference"
LINK = re.compile(r"\]\(([^)#\s][^)\s]*)\)")


def page(name: str) -> str:
    """Return the text of a reference page."""
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_error_is_explained():
    """Each class of the error tree has its line."""
    classes = [
        name
        for name, value in vars(assetkit.errors).items()
        if isinstance(value, type) and issubclass(value, assetkit.errors.AssetkitError)
    ]
    text = page("errors.md")

    assert [name for name in classes if f"`{name}`" not in text] == []


def test_command_line_is_up_to_date():
    """The page is what the commands say of themselves; scripts/cli_reference.py writes it."""
    assert page("cli.md") == render()


def test_glossary_is_sorted():
    """A word is found where the alphabet has it, once."""
    rows = [line for line in page("glossary.md").splitlines() if line.startswith("| ")][1:]
    words = [row.split("|")[1].strip().lower() for row in rows]

    assert words == sorted(set(words))


def test_links_between_pages_lead_somewhere():
    """Each relative link points at a file or folder that is there."""
    pages = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]
    broken = [
        f"{path.relative_to(PROJECT)}: {target}"
        for path in pages
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if not target.startswith("http") and not (path.parent / target.split("#")[0]).exists()
    ]

    assert broken == []
