"""What a run has in the private folder while it lives, and who clears it away after.

Rule 1: a run's staging folder is its licence to publish: what is published was staged there.
Rule 2: whoever takes over from a run removes that folder, and bars its name, before building
anything: a process that only slept finds neither its files nor a place for new ones.
Rule 3: only folders of runs and pins that are dead are touched, and no link is followed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assetkit.io.base import Place
from assetkit.io.pins import is_abandoned

_BARRED_FOR = 7 * 86400.0
"""Seconds for which a dead run's name stays barred."""


def staging_of(place: Place, run_id: str) -> Path:
    """Return where a run stages its files."""
    return place.private / "staging" / run_id


@contextmanager
def staging(place: Place, run_id: str) -> Iterator[None]:
    """Give a run its staging folder inside the block. Raises `OSError` where it cannot be made."""
    folder = staging_of(place, run_id)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def is_barred(place: Place, run_id: str) -> bool:
    """Return whether another process took over from a run: it may publish nothing any more."""
    return staging_of(place, run_id).is_file()


def sweep_staging(place: Place, is_alive: Callable[[str], bool], *, for_good: bool = False) -> int:
    """Remove the staged files of runs that are not alive; return how many runs had any.

    *is_alive* is asked with a run's id. What is no folder of a run is left.
    *for_good* bars the runs' names, so that they cannot come back.
    """
    folder = place.private / "staging"
    dead = [path for path in _folders_in(folder) if not is_alive(path.name)]
    for path in dead:
        if for_good:
            _bar(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
    if dead:
        _forget_bars(folder)
    return len(dead)


def sweep_pins(place: Place) -> int:
    """Remove the pins of processes that are gone; return how many processes that were."""
    dead = [path for path in _folders_in(place.private / "pins") if is_abandoned(path)]
    for path in dead:
        shutil.rmtree(path, ignore_errors=True)
    return len(dead)


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _bar(folder: Path) -> None:
    """Put an empty file in a folder's place; its owner may be making the folder again."""
    for _ in range(100):
        aside = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.dead")
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
        try:
            folder.touch(exist_ok=False)
        except FileExistsError:
            if folder.is_file():
                return
        else:
            return


def _forget_bars(folder: Path) -> None:
    """Remove bars so old that nobody sleeps that long."""
    oldest = time.time() - _BARRED_FOR
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                if not found.st_size and found.st_mtime < oldest:
                    Path(entry.path).unlink(missing_ok=True)
