"""Every error that assetkit raises on purpose, split by who can mend it.

AssetkitError
├── DefinitionError              the author of an asset
│   ├── InvalidName
│   ├── InvalidArgument
│   ├── DuplicateAsset
│   ├── UnknownUpstream
│   ├── CycleError
│   ├── PartitionMappingError
│   └── LoadError                a module or notebook that does not load
├── PlanError                    whoever asked
│   ├── UnknownAsset
│   ├── UnknownPartition
│   ├── InvalidSelection
│   ├── EmptySelection
│   ├── ConfigError
│   ├── PlanOutdated             a saved plan that no longer fits
│   │   └── BaseMoved            a branch's base has changed what the branch would publish
│   └── BackfillTooLarge         more than max_partitions allows
├── StepError                    the code of one step, or its result
│   ├── OutputError              what a function returned cannot be stored as it is
│   ├── InputError               what a function asked for cannot be loaded so
│   ├── CheckFailed
│   ├── StepTimeout
│   ├── StepCancelled
│   ├── StepRejected             a person did not approve it
│   └── WorkerLost
├── ExecutorError                where steps are to run: a cluster, its workers
├── MaterializationError         a run with failed steps; the first is its cause
├── StorageError                 the surroundings: disks, rights, files
│   ├── WorkspaceError
│   ├── DataMissing
│   ├── DataChanged
│   └── CatalogError
│       ├── CatalogLocked
│       ├── CatalogTooNew
│       ├── DaemonReplaced
│       └── CatalogCorrupt
└── MissingExtra                 an optional package is not installed

Each message says what was found, where, and what to do next. What a program
may want to know is kept in attributes, so that nobody has to parse a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException

_OURS = str(Path(__file__).parent)


class AssetkitError(Exception):
    """The root of all errors that assetkit raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the frames of the user's code, and none of ours."""
        shown: TracebackException | None = TracebackException.from_exception(self)
        lines = shown
        while shown is not None:
            shown.stack = StackSummary.from_list([one for one in shown.stack if _is_users(one)])
            shown = shown.__cause__ or (None if shown.__suppress_context__ else shown.__context__)
        return "".join(lines.format() if lines else ()).splitlines()


def _is_users(frame: FrameSummary) -> bool:
    return not frame.filename.startswith(_OURS) and "IPython" not in Path(frame.filename).parts


class DefinitionError(AssetkitError):
    """What an author declared cannot be: raised when it is defined, or when the graph is built."""


class InvalidName(DefinitionError):
    """A name that cannot be an asset key, a partition key or a dimension."""


class InvalidArgument(DefinitionError):
    """An argument of the wrong type or value in a definition."""


class DuplicateAsset(DefinitionError):
    """Two assets of one name."""


class UnknownUpstream(DefinitionError):
    """A parameter that names no asset."""


class CycleError(DefinitionError):
    """Assets that need one another.

    ``path`` holds their keys in order, the first again at the end.
    """

    def __init__(self, message: str, *, path: Sequence[str]) -> None:
        super().__init__(message)
        self.path = tuple(path)


class PartitionMappingError(DefinitionError):
    """Two partitions definitions that do not fit without a mapping, or with the one given."""


class LoadError(DefinitionError):
    """A module, file or notebook that does not load."""


class PlanError(AssetkitError):
    """What was asked for cannot be planned."""


class UnknownAsset(PlanError):
    """A name that is no asset here."""


class UnknownPartition(PlanError):
    """A partition key that does not exist."""


class InvalidSelection(PlanError):
    """A selection that cannot be read, or does not fit what it selects from."""


class EmptySelection(PlanError):
    """A selection that matches nothing; it never means everything."""


class ConfigError(PlanError):
    """Configuration with a wrong value; says the path of the field."""


class PlanOutdated(PlanError):
    """A saved plan that no longer fits the definitions or the catalog."""


class BaseMoved(PlanOutdated):
    """A branch's base has changed what the branch would publish there."""


class BackfillTooLarge(PlanError):
    """A backfill of more slots than its ``max_partitions`` allows.

    ``estimate`` says what it would cost.
    """

    def __init__(self, message: str, *, estimate: object = None) -> None:
        super().__init__(message)
        self.estimate = estimate


class StepError(AssetkitError):
    """One step could not be done; the user's exception, if any, is its ``__cause__``."""


class OutputError(StepError):
    """A function's result has the wrong type, or cannot be stored without changing it."""


class InputError(StepError):
    """An input cannot be loaded as the type that the function asks for."""


class CheckFailed(StepError):
    """A blocking check failed; what was published before stays.

    ``outcomes`` holds what each check of the slot found (`records.CheckOutcome`).
    """

    def __init__(self, message: str, *, outcomes: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.outcomes = outcomes


class StepTimeout(StepError, TimeoutError):
    """An attempt took longer than the asset's timeout."""


class StepCancelled(StepError):
    """A running step was stopped because its run was cancelled."""


class StepRejected(StepError):
    """A step that needs approval was refused by a person."""


class WorkerLost(StepError):
    """The process that ran a step died."""


class ExecutorError(AssetkitError):
    """Steps cannot run where they are to: a cluster is not reached, or its workers do not fit."""


class MaterializationError(AssetkitError):
    """A run ended with failed steps: names each; the first failure is the ``__cause__``.

    ``result`` is the `RunResult`, with all that did succeed.
    """

    def __init__(self, message: str, *, result: object = None) -> None:
        super().__init__(message)
        self.result = result


class StorageError(AssetkitError):
    """The surroundings failed: a disk, a right, a file."""


class WorkspaceError(StorageError):
    """A workspace that is missing, is not one, or cannot be written."""


class DataMissing(StorageError):
    """Data that the catalog knows, or that was asked for, is not there."""


class DataChanged(StorageError):
    """A file is not what the catalog says: another hand changed it."""


class CatalogError(StorageError):
    """The catalog cannot be used as it is."""


class CatalogLocked(CatalogError):
    """Another process kept the catalog longer than the wait allowed; names the holder."""


class CatalogTooNew(CatalogError):
    """The catalog was written by a newer assetkit."""


class DaemonReplaced(CatalogError):
    """A daemon that lost the workspace's lease wanted to write: another one has taken over."""


class CatalogCorrupt(CatalogError):
    """The catalog file is damaged or no catalog; says how to make it again from the data files."""


class MissingExtra(AssetkitError):
    """An optional package is needed and not installed."""

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. "
            f'Install it with: pip install "assetkit[{extra}]"'
        )
        self.package, self.extra = package, extra


def did_you_mean(name: str, known: Iterable[str], *, what: str = "") -> str:
    """Return a sentence with the names nearest to *name*, or with those there are.

    >>> did_you_mean("flihgts", ["flights", "weather"])
    'Did you mean flights?'
    >>> did_you_mean("x", ["b", "a"], what="assets")
    'Known assets: a, b.'
    """
    names = sorted(known)
    if near := get_close_matches(name, names, n=3, cutoff=0.6):
        return f"Did you mean {' or '.join(near)}?"
    if not names:
        return f"There are no {what}." if what else ""
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"Known {what}: {shown}." if what else f"Known: {shown}."
