"""Runs the code of documentation pages: each page is a module, in an empty folder of its own.

- ``python`` blocks of a page share its namespace, as cells of a notebook do.
- ``console`` blocks: what follows ``$`` is run by a shell; the lines below it
  are compared with what it prints, where ``...`` stands for anything.
- A block after ``<!-- file: NAME -->`` is written to that file instead.
- Other blocks (``text``, ``bash``, ``toml``, ...) are only shown.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown import SkipParser

from tests import warm

BLOCK = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n+)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FLAGS = ELLIPSIS | NORMALIZE_WHITESPACE
PROGRAMS = {"assetkit": ["-m", "assetkit"], "python": []}
SHELL = set("|&;<>$`*?#~=(){}\n")
"""What only a shell understands: commands without it are started at once, as programs."""


def find_blocks(document: Document) -> Iterator[Region]:
    """Yield each fenced block that is to be run or written."""
    for match in BLOCK.finditer(document.text):
        line = document.text.count("\n", 0, match.start("code"))
        if match["file"]:
            yield Region(match.start(), match.end(), (match["file"], match["code"]), write_file)
        elif match["language"] == "python":
            yield Region(match.start(), match.end(), (line, match["code"]), run_python)
        elif match["language"] == "console":
            yield Region(match.start(), match.end(), match["code"], run_commands)


def write_file(example: Example) -> None:
    """Write a block to the file that the comment above it names."""
    name, code = example.parsed
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")


def run_python(example: Example) -> None:
    """Run a block in the page's module; line numbers in errors are the page's."""
    line, code = example.parsed
    program = compile("\n" * line + code, example.document.path, "exec", dont_inherit=True)
    exec(program, example.namespace["page"].__dict__)  # our own pages


def run_commands(example: Example) -> None:
    """Run each ``$`` line and compare what it prints with the lines below it."""
    for command, expected in split_commands(example.parsed):
        code, printed = run_command(command)
        if expected and not OutputChecker().check_output(expected, printed, FLAGS):
            raise AssertionError(f"$ {command}\nexpected:\n{expected}\nprinted:\n{printed}")
        if not expected and code:
            raise AssertionError(f"$ {command}\nexit code {code}:\n{printed}")


def run_command(command: str) -> tuple[int, str]:
    """Run a line as a shell would; return its exit code and what it prints."""
    program, *words = shlex.split(command)
    with tempfile.TemporaryFile() as printed:
        if program in PROGRAMS and not SHELL & set(command):
            code = warm.Process([*PROGRAMS[program], *words], stdout=printed, stderr=printed).wait()
        else:
            code = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                stdout=printed,
                stderr=subprocess.STDOUT,
                check=False,
                env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            ).returncode
        printed.seek(0)
        return code, printed.read().decode()


def split_commands(block: str) -> list[tuple[str, str]]:
    r"""Return (command, expected output) pairs of a console block.

    >>> split_commands("$ echo a\na\n$ true\n")
    [('echo a', 'a\n'), ('true', '')]
    """
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def enter_page(namespace: dict[str, Any]) -> None:
    """Give a page an empty folder and a module; assets are looked up in the latter."""
    folder = tempfile.TemporaryDirectory(prefix="page-")
    page = ModuleType("page")
    namespace.update(page=page, folder=folder, came_from=Path.cwd())
    sys.modules["page"] = page
    cloudpickle.register_pickle_by_value(page)  # workers cannot import it, as that of a notebook
    os.chdir(folder.name)


def leave_page(namespace: dict[str, Any]) -> None:
    """Go back to where the tests run, and forget the page."""
    os.chdir(namespace["came_from"])
    cloudpickle.unregister_pickle_by_value(namespace["page"])
    del sys.modules["page"]
    namespace["folder"].cleanup()


pages = Sybil(
    parsers=[find_blocks, SkipParser()],
    path=str(Path(__file__).parents[2]),
    patterns=["README.md", "docs/**/*.md"],
    setup=enter_page,
    teardown=leave_page,
)
