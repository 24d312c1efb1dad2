"""What a function returned, taken apart: each slot's value, and what was said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from assetkit.definitions.outputs import Output
from assetkit.execution.splitting import split, the_only
from assetkit.execution.task import AssetWork, SlotWork

_IN_MEMORY = frozenset({"DataFrame", "Part", "RecordBatch", "Table"})
"""Classes of tables, by name: of pandas, polars, pyarrow, and a part of one of them."""


class Returned(NamedTuple):
    """One slot's value and what its author said of it; None: nothing."""

    value: Any
    metadata: Mapping[str, Any] | None = None
    data_version: str | None = None
    data_time: datetime | None = None


def take_apart(returned: Any, slots: Sequence[SlotWork], work: AssetWork) -> dict[int, Returned]:
    """Return what each slot of a call gets, by step.

    Raises:
        OutputError: the value does not fit the partitions that were asked for.
    """
    whole = _said(returned)
    if whole.value is None:
        return {slot.step: whole for slot in slots}
    if len(slots) == 1 and not _is_by_key(whole.value, slots[0]):
        return {slots[0].step: _alone(whole, slots[0], work)}
    parts = split(
        whole.value,
        slots,
        asset=work.asset.key,
        dimensions=work.dimensions,
        whole=_converter(work),
    )
    return {
        step: _said(part) if isinstance(part, Output) else whole._replace(value=part)
        for step, part in parts.items()
    }


def _alone(whole: Returned, slot: SlotWork, work: AssetWork) -> Returned:
    """Return what a slot gets that is alone in its call; it may be one of many by chance only."""
    if work.asset.backfill.size == 1 or not work.dimensions:
        return whole
    value = the_only(whole.value, slot, asset=work.asset.key, dimensions=work.dimensions)
    return whole._replace(value=value)


def is_in_memory(value: Any) -> bool:
    """Return whether a value is there as a whole, so that taking it in runs no code of its maker.

    >>> is_in_memory(None), is_in_memory(iter([1]))
    (True, False)
    """
    return value is None or type(value).__name__ in _IN_MEMORY


def _converter(work: AssetWork) -> Callable[[Any], Any] | None:
    """Return what converts a table of several slots once, where the IO manager can take its parts.

    What looks at values before they are stored is given them as they were returned.
    """
    if not work.staged or not hasattr(work.manager, "whole"):
        return None
    return partial(work.manager.whole, where=f"What {work.asset.key} returned")


def _said(value: Any) -> Returned:
    if isinstance(value, Output):
        return Returned(value.value, value.metadata, value.data_version, value.data_time)
    return Returned(value)


def _is_by_key(value: Any, slot: SlotWork) -> bool:
    """Tell ``{partition_key: value}`` from a dict that is itself the value."""
    return (
        isinstance(value, dict)
        and slot.partition_key is not None
        and len(value) == 1
        and next(iter(value)) == slot.partition_key
    )
