"""Partition mappings as users write them; inferred where there is one sensible answer.

A mapping says which upstream partitions each downstream partition needs. It is
given as ``AssetIn(partitions=...)``. What lies before the start of the upstream
is not waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from datetime import date
from typing import Any

from assetkit.definitions.bydimension import ByDimension
from assetkit.definitions.chosen import ByKey, OfFunction, Specific
from assetkit.definitions.dynamic import DynamicPartitions
from assetkit.definitions.mapping import (
    AllPartitions,
    AsOf,
    Definition,
    Identity,
    Latest,
    Mapping,
    Overlapping,
    Window,
)
from assetkit.definitions.multi import MultiPartitions
from assetkit.definitions.names import invalid
from assetkit.definitions.scheme import PartitionsDefinition
from assetkit.definitions.selecting import settled
from assetkit.definitions.static import StaticPartitions
from assetkit.definitions.timepartitions import TimePartitions


def identity() -> Mapping:
    """Map each partition to the one of the same key; windows to the one of the same time."""
    return Identity()


def all_partitions() -> Mapping:
    """Map each partition to all upstream partitions that exist."""
    return AllPartitions()


def latest(n: int = 1) -> Mapping:
    """Map each partition to the newest *n* upstream windows, whatever its own time.

    Of an upstream without time, the keys that come last: added last, or listed last.
    """
    return Latest(_whole("latest", "n", n, least=1))


def as_of() -> Mapping:
    """Map each window to the newest upstream window that ended before it did.

    A window that ends at the very same moment did not end before.
    """
    return AsOf()


def window(start: int = -6, end: int = 0) -> Mapping:
    """Map each window to upstream windows by offset, from *start* to *end*, both included.

    0 is the last upstream window that begins before the downstream window ends:
    the one of the same time, or the one that ends with it or reaches beyond it.
    Offsets count upstream windows that are not excluded, so over trading days
    ``window(-4, 0)`` are five trading days. On an asset's own past: ``window(-1, -1)``
    is the previous partition.
    """
    _whole("window", "start", start)
    _whole("window", "end", end)
    if start > end:
        raise invalid("window", "start", start, f"at most end={end}")
    return Window(start, end)


def specific(keys: Sequence[Any] | str) -> Mapping:
    """Map each partition to the same upstream *keys*: keys, ranges, or parts by dimension."""
    given = settled(keys)
    listed = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not listed or not all(isinstance(one, str | Dict | tuple | date) for one in listed):
        raise invalid("specific", "keys", keys, "a list of at least one key, such as ['us']")
    return Specific(listed)


def by_key(keys: Dict[Any, Any]) -> Mapping:
    """Map by a dict: downstream key to an upstream key, a list of them, or a range.

    A downstream partition that is not in it needs nothing of this upstream.
    """
    given: Any = keys
    if not isinstance(given, Dict) or not given:
        raise invalid("by_key", "keys", given, "a dict such as {'us': ['ny', 'ca'], 'eu': 'de'}")
    return ByKey(tuple((key, _hashable(wanted)) for key, wanted in keys.items()))


def by_dimension(**mappings: Mapping | Callable[[str], Any]) -> Mapping:
    """Map each dimension of the upstream by a mapping of its own.

    It maps from the downstream dimension of the same name, or the only one
    that there is. A dimension that is not named is taken as the same key
    where both sides have it, else as all keys.
    """
    if not mappings:
        raise invalid("by_dimension", "mappings", {}, "one by name, such as date=identity()")
    return ByDimension(tuple((name, as_mapping(one)) for name, one in mappings.items()))


def as_mapping(given: Any) -> Mapping:
    """Return a mapping as it is, and a function of the key as a mapping.

    Raises `InvalidArgument` for anything else.
    """
    if isinstance(given, Mapping):
        return given
    if callable(given) and not isinstance(given, type):
        return OfFunction(given)
    allowed = "a mapping such as all_partitions() or window(-6, 0), or a function of the key"
    raise invalid("AssetIn", "partitions", given, allowed)


def infer_mapping(downstream: Definition, upstream: Definition) -> Mapping | None:
    """Return the one mapping that makes sense between two definitions; None: it must be named."""
    if downstream is None or upstream is None:
        return AllPartitions()
    if isinstance(downstream, MultiPartitions) or isinstance(upstream, MultiPartitions):
        return Identity() if downstream == upstream else _infer_shared(downstream, upstream)
    if isinstance(downstream, TimePartitions) and isinstance(upstream, TimePartitions):
        return Identity() if downstream == upstream else Overlapping()
    return Identity() if _same_keys(downstream, upstream) else None


def check_mapping(given: Any, downstream: Definition, upstream: Definition) -> str | None:
    """Return why a mapping makes no sense between two definitions, None where it does."""
    return as_mapping(given).misfit(downstream, upstream)


def _infer_shared(
    downstream: PartitionsDefinition, upstream: PartitionsDefinition
) -> Mapping | None:
    """Join the dimensions that both sides have; of the upstream's others, all keys."""
    ours, theirs = _parts(downstream), _parts(upstream)
    pairs: list[tuple[str, Mapping]] = []
    for name, part in theirs.items():
        found = name if name in ours else _counterpart(part, ours, theirs)
        if found is None:
            pairs.append((name, AllPartitions()))
            continue
        mapping = infer_mapping(ours[found], part)
        if mapping is None:
            return None
        pairs.append((found if len(theirs) == 1 else name, mapping))
    joined = any(not isinstance(mapping, AllPartitions) for _, mapping in pairs)
    return ByDimension(tuple(pairs)) if joined else None


def _counterpart(
    part: PartitionsDefinition,
    ours: Dict[str, PartitionsDefinition],
    theirs: Dict[str, PartitionsDefinition],
) -> str | None:
    """Return the one dimension that fits another by what it is, where one side has no names."""
    if len(ours) > 1 and len(theirs) > 1:
        return None
    fitting = [name for name, one in ours.items() if infer_mapping(one, part) is not None]
    rivals = [one for one in theirs.values() if any(infer_mapping(o, one) for o in ours.values())]
    return fitting[0] if len(fitting) == 1 and len(rivals) == 1 else None


def _parts(definition: PartitionsDefinition) -> Dict[str, PartitionsDefinition]:
    if isinstance(definition, MultiPartitions):
        return definition.by_dimension
    return {definition.dimensions[0]: definition}


def _same_keys(downstream: PartitionsDefinition, upstream: PartitionsDefinition) -> bool:
    """Say whether two definitions without time list the same keys, whatever they call them."""
    if isinstance(downstream, StaticPartitions) and isinstance(upstream, StaticPartitions):
        return downstream.layout == upstream.layout
    if isinstance(downstream, DynamicPartitions) and isinstance(upstream, DynamicPartitions):
        return downstream.name == upstream.name
    return False


def _whole(owner: str, argument: str, value: Any, *, least: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or (least and value < least):
        raise invalid(owner, argument, value, f"a whole number{f' from {least}' if least else ''}")
    return value


def _hashable(wanted: Any) -> Any:
    return tuple(wanted) if isinstance(wanted, list | set | frozenset) else wanted
