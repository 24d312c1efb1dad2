"""Small numbers for long names: the ids of assets, runs and bases in the catalog file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from assetkit.catalog.arrays import column
from assetkit.catalog.store import Transaction
from assetkit.records import AssetKey, AssetRow, Basis

_RUNS_KEPT = 1_000
"""Numbers of runs that a process keeps at most: one that runs for years has millions."""


@dataclass(frozen=True, slots=True)
class AssetId:
    """An asset's number, with what is remembered of it; ``fenced``: older fences are void."""

    number: int
    row: AssetRow
    fenced: int


@dataclass(slots=True)
class Seen:
    """What is kept from transaction to transaction of one catalog: numbers, which never
    change, and as long as nobody else wrote (``seq`` is that of the catalog then) assets,
    perhaps ``all`` of them, and what bases are ``numbered``.
    """

    identity: str = ""
    seq: int = -1
    all: bool = False
    assets: dict[AssetKey, AssetId] = field(default_factory=dict)
    numbered: dict[int, Basis] = field(default_factory=dict)
    bases: dict[Basis, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)


class Ids:
    """The ids that one transaction reads and gives out."""

    def __init__(self, transaction: Transaction, seen: Seen) -> None:
        is_other = seen.identity != transaction.identity
        if is_other:
            seen.identity = transaction.identity
            seen.bases.clear()
            seen.runs.clear()
        if is_other or seen.seq != transaction.seq:
            seen.seq, seen.all = transaction.seq, False
            seen.assets.clear()
            seen.numbered.clear()
        self._transaction, self._seen = transaction, seen

    def assets(self, keys: Iterable[AssetKey]) -> dict[AssetKey, AssetId]:
        """Return those of the assets that are known."""
        known = self._seen.assets
        wanted = list(keys)
        missing = [key for key in wanted if key not in known]
        if missing:
            rows = self._transaction.rows("assets", keys=missing)
            known.update({row[0]: _asset_id(row) for row in rows})
        return {key: known[key] for key in wanted if key in known}

    def keep(self) -> None:
        """Keep what is known for the next transaction, as this one ends well."""
        self._seen.seq = self._transaction.seq

    def forget_assets(self) -> None:
        """Read assets anew when next asked for: something about them was changed."""
        self._seen.assets.clear()
        self._seen.all = False

    def all_assets(self) -> dict[AssetKey, AssetId]:
        """Return all assets."""
        seen = self._seen
        if not seen.all:
            rows = self._transaction.rows("all_assets")
            seen.assets, seen.all = {row[0]: _asset_id(row) for row in rows}, True
        return dict(seen.assets)

    def ensure_assets(self, keys: Iterable[AssetKey]) -> dict[AssetKey, AssetId]:
        """Return the assets; what is unknown gets a number and an empty description."""
        wanted = list(dict.fromkeys(keys))
        found = self.assets(wanted)
        rows = [
            AssetRow(asset=key, layout="", universe="", universe_seq=self._transaction.previous_seq)
            for key in wanted
            if key not in found
        ]
        return {**found, **self.add_assets(rows)} if rows else found

    def add_assets(self, rows: Sequence[AssetRow]) -> dict[AssetKey, AssetId]:
        """Write new assets down."""
        first = self._transaction.rows("next_asset_id")[0][0]
        added = {row.asset: AssetId(first + i, row, 0) for i, row in enumerate(rows)}
        self.write_assets(added.values())
        return added

    def write_assets(self, assets: Iterable[AssetId]) -> None:
        """Append rows of assets; the caller took older ones away."""
        listed = list(assets)
        self._seen.all = False
        self._seen.assets.update({item.row.asset: item for item in listed})
        table = pa.table(
            {
                "asset_id": column([item.number for item in listed], pa.int32()),
                "key": column([item.row.asset for item in listed], pa.string()),
                "layout": column([item.row.layout for item in listed], pa.string()),
                "universe": column([item.row.universe for item in listed], pa.string()),
                "definition": column([item.row.definition for item in listed], pa.string()),
                "universe_seq": column([item.row.universe_seq for item in listed], pa.int64()),
                "fenced": column([item.fenced for item in listed], pa.int64()),
            }
        )
        self._transaction.append("asset", table)

    def runs(self, run_ids: Iterable[str]) -> Mapping[str, int]:
        """Return the numbers of runs; an unknown one gets its number."""
        if len(self._seen.runs) > _RUNS_KEPT:
            self._seen.runs = {}
        runs = self._seen.runs
        missing = [run_id for run_id in dict.fromkeys(run_ids) if run_id not in runs]
        if missing:
            runs.update(self._transaction.rows("run_numbers", run_ids=missing))
        for run_id in (run_id for run_id in missing if run_id not in runs):
            number = self._transaction.rows("next_run_no")[0][0]
            self._transaction.write("insert_run_name", run_no=number, run_id=run_id)
            runs[run_id] = number
        return runs

    def learn_run(self, run_id: str, number: int) -> None:
        """Take note of a run's number, which the caller writes down."""
        self._seen.runs[run_id] = number

    def bases(self, bases: Iterable[Basis]) -> Mapping[Basis, int]:
        """Return the numbers of bases; an unknown one gets its number."""
        known = self._seen.bases
        wanted = list(dict.fromkeys(bases))
        if any(basis not in known for basis in wanted):
            self._learn_bases()
            self._add_bases([basis for basis in wanted if basis not in known])
        return known

    def numbered_bases(self, numbers: Collection[int]) -> dict[int, Basis]:
        """Return the bases of some numbers."""
        known = self._seen.numbered
        missing = [number for number in numbers if number not in known]
        if missing:
            rows = self._transaction.rows("bases", ids=missing)
            known.update({row[0]: basis_of(row) for row in rows})
        return {number: known[number] for number in numbers}

    def _add_bases(self, bases: Sequence[Basis]) -> None:
        if not bases:
            return
        known = self._seen.bases
        first = max(known.values(), default=0) + 1
        known.update({basis: first + i for i, basis in enumerate(bases)})
        table = pa.table(
            {
                "basis_id": column([known[basis] for basis in bases], pa.int64()),
                "code": column([basis.code for basis in bases], pa.string()),
                "config": column([basis.config for basis in bases], pa.string()),
                "definition": column([basis.definition for basis in bases], pa.string()),
                "schema": column([basis.schema for basis in bases], pa.string()),
                "inputs": column([basis.inputs for basis in bases], pa.list_(pa.string())),
            }
        )
        self._transaction.append("basis", table)

    def _learn_bases(self) -> None:
        rows = self._transaction.rows("all_bases")
        self._seen.bases.update({basis_of(row): row[0] for row in rows})


def _asset_id(row: tuple[Any, ...]) -> AssetId:
    key, number, layout, universe, definition, universe_seq, fenced = row
    described = AssetRow(
        asset=key,
        layout=layout,
        universe=universe,
        definition=definition,
        universe_seq=universe_seq,
    )
    return AssetId(number, described, fenced)


def basis_of(row: Sequence[Any]) -> Basis:
    """Return the basis of a row of the table; its number comes first."""
    _, code, config, definition, schema, inputs = row
    return Basis(
        code=code, config=config, definition=definition, schema=schema, inputs=tuple(inputs)
    )
