"""The source text of earlier code, so that a plan can show what changed in it.

Rule 1: a text is kept once, by the hash of the code that it is of, however many assets reach it.
Rule 2: it is there for people only: nothing depends on it, and losing it loses a diff.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from assetkit.definitions.codeversion import CodeVersion
from assetkit.records import AssetRow
from assetkit.workspace.branching import bases_of
from assetkit.workspace.core import Core

_LONGEST = 20_000
"""Characters of the longest text that is kept."""

_MOST_FILES = 8


def keep_sources(core: Core, codes: Iterable[CodeVersion]) -> None:
    """Keep the texts of code that are not kept yet."""
    texts = {
        part.hash: part.text
        for code in codes
        for part in code.parts.values()
        if part.text and len(part.text) <= _LONGEST
    }
    if not texts:
        return
    known = _everything(core)
    new = {key: text for key, text in texts.items() if key not in known}
    if new:
        _write(core, new)
    if len(_files(core)) > _MOST_FILES:
        _tidy(core)


def find_sources(core: Core, hashes: Iterable[str]) -> dict[str, str]:
    """Return the texts that are kept of some code, by hash."""
    wanted = set(hashes)
    found: dict[str, str] = {}
    for one in (core, *bases_of(core)):
        known = _everything(one) if wanted else {}
        found |= {key: known[key] for key in wanted & known.keys()}
        wanted -= found.keys()
    return found


def _files(core: Core) -> list[Path]:
    return sorted((core.place.private / "sources").glob("*.json"))


def _everything(core: Core) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _files(core):
        # Torn or tidied away meanwhile: then the next one has to do.
        with suppress(OSError, ValueError):
            found |= json.loads(file.read_text(encoding="utf-8"))
    return found


def _write(core: Core, texts: dict[str, str]) -> None:
    folder = core.place.private / "sources"
    # A full disk has to be told by what matters more.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        staged = folder / f"{secrets.token_hex(8)}.tmp"
        staged.write_text(json.dumps(texts), encoding="utf-8")
        staged.replace(staged.with_suffix(".json"))


def _tidy(core: Core) -> None:
    """Make one file of all, with the texts that a code version still remembered has."""
    files, texts = _files(core), _everything(core)
    wanted = {key for row in core.catalog.asset_rows() for key in _hashes_of(row)}
    _write(core, {key: text for key, text in texts.items() if key in wanted})
    for file in files:
        with suppress(OSError):
            file.unlink()


def _hashes_of(row: AssetRow) -> Iterable[str]:
    codes: dict[str, dict[str, str]] = json.loads(row.definition).get("codes", {})
    for parts in codes.values():
        yield from parts.values()
