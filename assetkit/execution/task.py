"""What goes to a worker and what comes back: values that can be pickled, and nothing that acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from assetkit.definitions.asset import AssetDef
from assetkit.definitions.universe import TimeWindow
from assetkit.execution.shipping import Shipped
from assetkit.execution.tracebacks import traceback_text
from assetkit.io.base import Place, Source, Target, Written
from assetkit.records import (
    AssetKey,
    Basis,
    CheckOutcome,
    InputUse,
    Materialization,
    PartitionKey,
    travels,
)


class Inspection(Protocol):
    """Looks at data before anyone else sees it; raises `CheckFailed` to hold it back.

    *written* is what was staged; None where the IO manager has no staging. Returns
    what checks found.
    """

    def __call__(
        self, asset: AssetDef, target: Target, value: Any, written: Written | None
    ) -> Sequence[CheckOutcome] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InputWork:
    """How one parameter is loaded; the same for all steps of an asset.

    ``parameter`` None: not loaded. ``may_be_none``: its annotation says so.
    ``staged``: the IO manager is a `StagedIOManager`.
    """

    parameter: str | None
    upstream: AssetKey
    manager: Any
    load_as: Any
    columns: tuple[str, ...] | None
    may_be_none: bool = False
    staged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetWork:
    """What all steps of one asset share.

    ``staged``: the IO manager is a `StagedIOManager`; ``waits_for_disk``: its
    `publish` is worth doing beside other work.
    """

    asset: AssetDef
    basis: Basis
    manager: Any
    staged: bool
    waits_for_disk: bool
    inputs: tuple[InputWork, ...]
    place: Place
    clock: Callable[[], datetime]
    dimensions: tuple[str, ...] = ()
    config: Any = None
    resources: Mapping[str, Shipped[Any]] = field(default_factory=dict)
    inspections: tuple[Inspection, ...] = ()


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class InputSlots:
    """The upstream slots that a call loads for one input, in order, with their stable ids."""

    sources: tuple[Source, ...] = ()
    stable_ids: tuple[int, ...] = ()


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class SlotWork:
    """One slot of a call.

    ``uses`` says per input what is expected to be read; ``members`` which of the
    call's sources of that input are this slot's (None: all). ``data_time`` is
    the oldest of its inputs', None without one. ``previous`` is the slot's own
    last value. ``changes`` lists per input what changed since that was made. ``maker``
    says whose slot it is, where a call makes several assets: `StepTask.work_of`.
    ``columns`` are those that it must have, as `schema_text` writes them (None: any).
    """

    step: int
    ordinal: int
    partition: str | None
    partition_key: PartitionKey | None
    parts: tuple[tuple[str, str], ...]
    folder: str
    window: TimeWindow | None
    uses: tuple[InputUse, ...]
    members: tuple[tuple[int, ...] | None, ...]
    data_time: datetime | None = None
    partial: bool = False
    published: str | None = None
    previous: Source | None = None
    changes: Mapping[AssetKey, tuple[PartitionKey | None, ...]] = field(default_factory=dict)
    maker: int = 0
    columns: str | None = None


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class StepTask:
    """One call of an asset's function, for one slot or several.

    ``others`` are the other assets that this call makes.
    ``logs`` is the folder of its run's logs, None to keep none.
    ``local``: it runs in the process of the run, so errors need not be pickled.
    """

    work: Shipped[AssetWork]
    run_id: str
    attempt: int
    now: datetime
    slots: tuple[SlotWork, ...]
    inputs: tuple[InputSlots, ...]
    logs: str | None = None
    local: bool = True
    others: tuple[Shipped[AssetWork], ...] = ()

    def work_of(self, slot: SlotWork) -> AssetWork:
        """Return what is known of the asset that a slot is of."""
        return self.others[slot.maker - 1].value if slot.maker else self.work.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a slot failed. ``again``: its retry policy says to try once more."""

    error: BaseException
    error_type: str
    message: str
    traceback: str
    again: bool

    @classmethod
    def of(cls, error: BaseException, *, again: bool = False) -> Failure:
        """Return the failure that an error outside of the function means."""
        return cls(
            error=error,
            error_type=type(error).__name__,
            message=str(error),
            traceback=traceback_text(error),
            again=again,
        )


@travels
@dataclass(frozen=True, slots=True)
class SlotResult:
    """What came of one slot: a materialization, or a failure."""

    step: int
    made: Materialization | None = None
    failure: Failure | None = None


@travels
@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What came of one call. ``logged``: it said something. ``duration`` in seconds.

    ``log`` is what it said, where the worker could not reach the run's logs.
    """

    slots: tuple[SlotResult, ...]
    duration: float
    logged: bool = False
    log: str | None = None
