"""Look again at what is published, with the checks that its assets declare today."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd

from assetkit.catalog.frames import CHECKS
from assetkit.execution.environment import Environment
from assetkit.execution.inspecting import inspector_of
from assetkit.graph.graph import AssetGraph
from assetkit.records import AssetKey, CheckOutcome, is_nothing
from assetkit.workspace.branching import bases_of
from assetkit.workspace.core import Core
from assetkit.workspace.data import find_known, known_assets, select_published, source_of
from assetkit.workspace.stock import stock_of


def check(
    core: Core, graph: AssetGraph, keys: Iterable[AssetKey], partitions: Any
) -> tuple[CheckOutcome, ...]:
    """Run the checks of some assets on what is published of them, and write down what they found.

    An asset without checks, or of which nothing is materialized, is passed over.

    Raises:
        UnknownPartition, InvalidSelection: *partitions* does not fit an asset.
        DefinitionError: a check cannot be read.
    """
    # The time lets a later look be told from an earlier one of the same slots.
    run_id = f"check-{core.now():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    known = known_assets(core)
    checked = [key for key in keys if graph.assets[key].checks and key in known]
    found = [one for key in checked for one in _looks(core, graph, key, partitions, run_id)]
    core.catalog.write_checks(found)
    return tuple(found)


def _looks(
    core: Core, graph: AssetGraph, key: AssetKey, partitions: Any, run_id: str
) -> Iterator[CheckOutcome]:
    environment = Environment(
        catalog=core.catalog,
        place=core.place,
        io_managers=core.io_managers,
        executor=core.executor,
        clock=core.now,
    )
    inspector = inspector_of(graph.assets[key], graph.assets, environment)
    known, stock = find_known(core, key), stock_of(core, key)
    if partitions is None or isinstance(partitions, str):
        stock = stock.without_orphans(but=partitions)
    places = select_published(known, stock.texts, partitions)
    for owner, made in stock.published(key, places):
        if not is_nothing(made.data_version):
            yield from inspector.look_at(
                graph.assets[key],
                source_of(owner, known, made),
                ordinal=made.ordinal,
                run_id=run_id,
                at=core.now(),
            )


def frame_of(found: Sequence[CheckOutcome]) -> pd.DataFrame:
    """Return results of checks as a frame: a row each."""
    rows = [{name: getattr(one, name) for name in CHECKS.names} for one in found]
    return pd.DataFrame(rows, columns=CHECKS.names)


def results(core: Core, asset: Any, run_id: str | None) -> pd.DataFrame:
    """Return what the last look at each slot found, or all that one run found.

    In a branch, a base tells of the slots that it lends.
    """
    key = None if asset is None else find_known(core, asset).key
    own = core.catalog.checks(key, run_id=run_id).to_pandas()
    if run_id is None:
        for base in bases_of(core):
            below = base.catalog.checks(key).to_pandas()
            slots = set(zip(own.asset, own.ordinal, strict=True))
            lent = [slot not in slots for slot in zip(below.asset, below.ordinal, strict=True)]
            own = pd.concat([own, below[lent]], ignore_index=True) if any(lent) else own
    return own
