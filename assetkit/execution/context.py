"""What a function may ask of the step that it runs in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from assetkit.definitions.keys import split_key_text
from assetkit.definitions.scheme import PartitionsDefinition
from assetkit.definitions.universe import TimeWindow
from assetkit.errors import StepError, UnknownAsset, UnknownPartition, did_you_mean
from assetkit.execution.provenance import json_value
from assetkit.records import AssetKey, MultiPartitionKey, PartitionKey

LOGGER = "assetkit.step"
"""The logger of `AssetContext.log`; a child of it per asset."""
_NO_RUN = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetContext:
    """The step at hand: which partition, which run, and what it may use.

    ``partition_window`` covers all of ``partition_keys``; both are None and
    empty for an asset without partitions. ``partition`` maps each dimension to
    its key. ``now`` is when the run began. ``metadata`` is what was added. Of a
    multi-asset, ``selected_outputs`` are the outputs that the call is to make.
    """

    asset_name: AssetKey
    partition_keys: tuple[PartitionKey, ...] = ()
    partition_window: TimeWindow | None = None
    partition: Mapping[str, str] = field(default_factory=dict)
    run_id: str = _NO_RUN
    attempt: int = 1
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    resources: Any = field(default_factory=SimpleNamespace)
    config: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    load_previous: Callable[[Any], Any] = lambda _as_type: None
    changes: Mapping[AssetKey, tuple[PartitionKey | None, ...]] = field(default_factory=dict)
    selected_outputs: tuple[str, ...] = ()
    load_previous_of: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict, repr=False)

    @property
    def partition_key(self) -> PartitionKey | None:
        """The one partition to make; None for an asset without partitions.

        Raises:
            StepError: the call makes several; `partition_keys` lists them.
        """
        if len(self.partition_keys) > 1:
            raise StepError(
                f"Asset {self.asset_name!r} makes {len(self.partition_keys)} partitions in this "
                "call, so there is no one partition_key. Use context.partition_keys, or "
                "backfill=BackfillPolicy.per_partition()."
            )
        return self.partition_keys[0] if self.partition_keys else None

    @property
    def log(self) -> logging.Logger:
        """A logger whose records are kept in the step's own log."""
        logger = logging.getLogger(f"{LOGGER}.{self.asset_name.replace('/', '.')}")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.DEBUG)
        return logger

    def of_asset(self, asset: AssetKey, partitions: PartitionsDefinition | None) -> AssetContext:
        """Return this context with what an asset's definition says of its partitions.

        That of a run knows already, and stays as it is.
        """
        if self.run_id != _NO_RUN:
            return self
        window, parts = self.partition_window, self.partition
        if partitions is not None and self.partition_keys:
            window = window or _window(partitions, self.partition_keys)
        if partitions is not None and len(self.partition_keys) == 1:
            parts = _parts(partitions, self.partition_keys[0])
        return replace(self, asset_name=asset, partition_window=window, partition=parts)

    def add_metadata(self, values: Mapping[str, Any]) -> None:
        """Keep *values* with what is materialized; later values of a name replace earlier ones."""
        self.metadata.update({str(name): json_value(value) for name, value in values.items()})

    def previous(self, as_type: Any = None, *, output: str | None = None) -> Any:
        """Load the asset's own last value for this partition; None where there is none.

        *output*: whose, in a multi-asset; raises `StepError` where that is not said, or
        this call does not make it.
        """
        if output is None and not self.load_previous_of:
            return self.load_previous(as_type)
        if output is None or output not in self.load_previous_of:
            known = ", ".join(map(repr, self.load_previous_of)) or "none"
            raise StepError(
                f"{self.asset_name!r} has no last value of the output {output!r} in this call. "
                f"Say which: context.previous(output=...); its outputs are {known}."
            )
        return self.load_previous_of[output](as_type)

    def changed_partitions(self, upstream: Any) -> tuple[PartitionKey | None, ...]:
        """Return what changed in *upstream* since this partition was last materialized.

        All that it needs, where it never was. Raises `UnknownAsset` for
        something that is no input of the asset.
        """
        key = getattr(upstream, "key", upstream)
        matches = [name for name in self.changes if key in (name, name.rpartition("/")[2])]
        if not matches:
            hint = did_you_mean(str(key), self.changes, what="inputs")
            raise UnknownAsset(f"Asset {self.asset_name!r} has no input {key!r}. {hint}")
        return self.changes[matches[0]]


def build_context(  # noqa: PLR0913  one argument for each thing that a function may ask for
    *,
    partition_key: PartitionKey | None = None,
    partition_keys: Sequence[PartitionKey] | None = None,
    partition_window: tuple[datetime, datetime] | None = None,
    resources: Mapping[str, Any] | None = None,
    config: Any = None,
    now: datetime | None = None,
    selected_outputs: Sequence[str] = (),
) -> AssetContext:
    """Make a context to call an asset's function with, outside a run.

    Called with it, an asset adds what its definition says: the name, and of the
    partitions the window and the key of each dimension.

    >>> build_context(partition_key="2026-01-31").partition_key
    '2026-01-31'
    """
    given = tuple(partition_keys or ()) if partition_key is None else (partition_key,)
    keys = tuple(MultiPartitionKey(one) if isinstance(one, tuple) else one for one in given)
    return AssetContext(
        asset_name="asset",
        partition_keys=keys,
        partition={"partition": str(keys[0])} if len(keys) == 1 else {},
        partition_window=None if partition_window is None else TimeWindow(*partition_window),
        resources=SimpleNamespace(**(resources or {})),
        config=config,
        now=now or datetime.now(UTC),
        selected_outputs=tuple(selected_outputs),
    )


def _window(partitions: PartitionsDefinition, keys: Sequence[PartitionKey]) -> TimeWindow | None:
    """Return the time that keys cover; None without one, or where they are none."""
    try:
        first, last = partitions.window(keys[0]), partitions.window(keys[-1])
    except UnknownPartition:
        return None
    return None if first is None or last is None else TimeWindow(first.start, last.end)


def _parts(partitions: PartitionsDefinition, key: PartitionKey) -> dict[str, str]:
    """Return a key by dimension."""
    names = partitions.dimensions
    parts = (key,) if len(names) == 1 else key if isinstance(key, tuple) else split_key_text(key)
    return {name: str(part) for name, part in zip(names, parts, strict=False)}
