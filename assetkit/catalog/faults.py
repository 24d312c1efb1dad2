"""What DuckDB says, in words of the catalog: what was found, and what to do next."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from assetkit.errors import CatalogCorrupt, CatalogError, CatalogLocked, CatalogTooNew

_REBUILD = (
    "The data files are whole and know all that is needed: run `assetkit catalog rebuild` to make "
    "the catalog again from them; only the history of runs is lost"
)


def explain_fault(error: duckdb.Error, path: Path) -> CatalogError:
    """Return the error to raise in place of DuckDB's."""
    text = " ".join(str(error).split())
    for pattern, make in _READINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return make(text, path)
    if isinstance(error, _OF_DAMAGE):
        return _corrupt(text, path)
    return CatalogError(f"The catalog {path} could not be used: {text}")


_OF_DAMAGE = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.InvalidInputException,
    duckdb.IOException,
    duckdb.SerializationException,
)


def no_catalog(path: Path) -> CatalogCorrupt:
    """Return the error for a DuckDB file that holds something else."""
    return CatalogCorrupt(
        f"{path} is a DuckDB file, but no catalog: it has other tables. Move it away if it is "
        f"yours. {_REBUILD}."
    )


def too_new(path: Path, found: int, known: int) -> CatalogTooNew:
    """Return the error for a catalog of a later format."""
    return CatalogTooNew(
        f"The catalog {path} has format {found}, and this assetkit knows formats up to {known}: "
        f"a newer version wrote it. Upgrade with: pip install --upgrade assetkit"
    )


def _corrupt(text: str, path: Path) -> CatalogCorrupt:
    copy = copy_of(path)
    other = f" (A copy from before the last checkpoint is {copy}.)" if copy.exists() else ""
    return CatalogCorrupt(
        f"The catalog {path} is damaged, or no catalog: {_short(text)} {_REBUILD}.{other}"
    )


def _corrupt_wal(text: str, path: Path) -> CatalogCorrupt:
    wal = wal_of(path)
    aside = f"{wal.name}.corrupt-{wal.stat().st_mtime:.0f}"
    return CatalogCorrupt(
        f"The newest part of the catalog, {wal}, is damaged: {_short(text)} {_REBUILD}. Or, to "
        f"keep the history and lose only what the damaged part held, set it aside with "
        f"`mv {wal} {wal.with_name(aside)}`: the next plan finds the data files that it knew of."
    )


def _newer_duckdb(_: str, path: Path) -> CatalogTooNew:
    return CatalogTooNew(
        f"The catalog {path} was written by a newer DuckDB than {duckdb.__version__}. "
        f"Upgrade with: pip install --upgrade duckdb"
    )


def _locked(text: str, path: Path) -> CatalogLocked:
    holder = re.search(r"Conflicting lock is held in (.+?)\. ", text)
    who = holder[1] if holder else "another program"
    return CatalogLocked(
        f"The catalog {path} is open in {who}, which is no assetkit. Close it there, then try "
        f"again; to look inside, open a copy."
    )


def _full(_: str, path: Path) -> CatalogError:
    return CatalogError(
        f"The disk of the catalog {path} is full; nothing that was recorded is lost. "
        f"Free some space, then try again."
    )


def _read_only(text: str, path: Path) -> CatalogError:
    return CatalogError(
        f"The catalog {path} cannot be written or read by this user: {_short(text)} Change the "
        f"rights of the file and its folder, or choose another workspace: Workspace(...) or "
        f"ASSETKIT_WORKSPACE."
    )


_READINGS = (
    (r"no space left|disk full|disk quota|not enough space|file too large", _full),
    (r"could not set lock|conflicting lock", _locked),
    (r"permission denied|read-only file system|cannot open file.*not permitted", _read_only),
    (r"in read-only mode|read-only transaction", _read_only),
    (
        r"version number \d+.*newer version|created with a newer version|newer storage",
        _newer_duckdb,
    ),
    (r"replaying WAL|WAL file|write-ahead", _corrupt_wal),
    (r"corrupt|checksum|not a valid DuckDB", _corrupt),
)


def _short(text: str) -> str:
    words = re.sub(r"^\w+ Error: ", "", text)[:200].rstrip(" .:!")
    return f"{words}."


def wal_of(path: Path) -> Path:
    """Return where DuckDB keeps the newest writes to a file."""
    return path.with_name(path.name + ".wal")


def copy_of(path: Path) -> Path:
    """Return where the copy lies that is made before each checkpoint."""
    return path.with_name(path.name + ".before")
