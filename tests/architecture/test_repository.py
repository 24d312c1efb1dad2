"""What must not be in any committed file."""

import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]
MACHINE_PATH = re.compile(r"(?<![\w./~])/(?:root|work|home|Users)/[\w.]")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")


def committed_texts() -> dict[str, str]:
    """Return the text files that git knows, by path."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    texts = {}
    for name in listed.stdout.splitlines():
        path = PROJECT / name
        if path.is_file() and path.suffix not in {".png", ".parquet", ".duckdb", ".gz"}:
            texts[name] = path.read_text(encoding="utf-8")
    return texts


def test_no_paths_of_somebodys_machine():
    """No file names a folder that exists on its author's machine only."""
    found = {
        name: match.group()
        for name, text in committed_texts().items()
        if (match := MACHINE_PATH.search(text))
    }

    assert found == {}


def test_nothing_is_left_unfinished():
    """No file of the package holds a note to oneself."""
    found = [
        name
        for name, text in committed_texts().items()
        if name.startswith("assetkit/")
        and (UNFINISHED.search(text) or "NotImplementedError" in text)
    ]

    assert found == []
