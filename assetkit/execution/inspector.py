"""What looks at one asset's data: its schema, its ready checks, its own functions.

Loaded by name, where an asset has checks or a schema: it brings DuckDB and Arrow.

Rule 1: the data is looked at as it was written; what is published is not touched.
Rule 2: a check that raises has failed; only a blocking one keeps data back.
Rule 3: all checks run, whatever the first says: one attempt tells all that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assetkit.checks.engine import Subject, run_checks
from assetkit.checks.kinds import ForeignKey, ReadyCheck
from assetkit.checks.result import CheckResult, result_of
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.checks import AssetCheck
from assetkit.errors import CheckFailed
from assetkit.execution.calling import call
from assetkit.execution.context import AssetContext
from assetkit.execution.fitting import hold_to_schema
from assetkit.execution.masking import mask, mask_error
from assetkit.execution.provenance import json_value
from assetkit.execution.subjects import (
    Data,
    Parent,
    StoredData,
    published_schema,
    source_of,
    staged_data,
    text_of,
    with_nan_of,
)
from assetkit.execution.tracebacks import traceback_text, trim
from assetkit.io.base import Source, Target, Written
from assetkit.records import CheckOutcome, partition_text, slot_name

_TOLD_ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Which slot is looked at, on whose behalf, and when."""

    asset: AssetDef
    target: Target
    ordinal: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspector:
    """Looks at the data of one asset. ``parents`` are other assets, for foreign keys."""

    manager: Any
    checks: tuple[Any, ...] = ()
    parents: Mapping[str, Parent] = field(default_factory=dict)

    def __call__(
        self, asset: AssetDef, target: Target, value: Any, written: Written | None
    ) -> tuple[CheckOutcome, ...]:
        """Return what each check found.

        Raises:
            OutputError: the data does not fit the asset's schema.
            CheckFailed: a blocking check failed.
        """
        data = staged_data(self.manager, target, value, written)
        if asset.schema is not None:
            hold_to_schema(asset, slot_name(asset.key, target.partition_key), data)
        if not self.checks:
            return ()
        slot = Examined(
            asset=asset,
            target=target,
            ordinal=int(target.provenance.get("ordinal", 0)),
            at=datetime.fromisoformat(target.provenance["materialized_at"]),
        )
        outcomes = self.examine(data, slot)
        if any(one.blocking and not one.passed for one in outcomes):
            raise CheckFailed(_complaint(outcomes, slot), outcomes=outcomes)
        return outcomes

    def look_at(
        self, asset: AssetDef, source: Source, *, ordinal: int, run_id: str, at: datetime
    ) -> tuple[CheckOutcome, ...]:
        """Return what each check finds in a slot as it is published; raises for no failure."""
        target = Target(
            asset=source.asset,
            partition_key=source.partition_key,
            dimensions=source.dimensions,
            place=source.place,
            folder=source.folder,
            run_id=run_id,
        )
        slot = Examined(asset=asset, target=target, ordinal=ordinal, at=at)
        return self.examine(StoredData(self.manager, source), slot)

    def examine(self, data: Data, slot: Examined) -> tuple[CheckOutcome, ...]:
        """Return what each check finds in *data*, in the order in which they were declared."""
        ready = [check for check in self.checks if isinstance(check, ReadyCheck)]
        results = iter(self._run_ready(ready, data, slot) if ready else ())
        return tuple(
            _outcome(
                check,
                next(results) if isinstance(check, ReadyCheck) else self._run(check, data, slot),
                slot,
            )
            for check in self.checks
        )

    def _run_ready(
        self, checks: Sequence[ReadyCheck], data: Data, slot: Examined
    ) -> Sequence[CheckResult]:
        target = slot.target
        try:
            table = data.table()
        except Exception as error:
            text = f"It needs a table: {error}"
            return [CheckResult(passed=False, description=text) for _ in checks]

        def parent(check: ForeignKey) -> Any:
            return self.parents[check.parent].column(check.parent_column, target.place)

        subject = Subject(
            table=table,
            names=tuple(dict.fromkeys((slot.asset.name, slot.asset.key))),
            schema=text_of(table),
            published=lambda: published_schema(self.manager, target),
            parent=parent,
            nan=with_nan_of(table),
        )
        return run_checks(checks, subject)

    def _run(self, check: AssetCheck, data: Data, slot: Examined) -> CheckResult:
        """Call a check's function."""
        arguments: dict[str, Any] = {}
        context = self._context(slot)
        try:
            if check.parameter is not None:
                arguments[check.parameter] = data.load(check.load_as)
            if check.context is not None:
                arguments[check.context] = context
            result = result_of(call(check.function, arguments), check=check.name)
        except Exception as failed:
            error = trim(mask_error(failed))
            return CheckResult(
                passed=False,
                metadata={"traceback": traceback_text(error)},
                description=f"It raised {type(error).__name__}: {error}",
            )
        said = {**context.metadata, **json_value(result.metadata)}
        return CheckResult(result.passed, metadata=said, description=result.description)

    def _context(self, slot: Examined) -> AssetContext:
        target, partitions = slot.target, slot.asset.partitions
        key = target.partition_key

        def previous(as_type: Any) -> Any:
            if target.published is None:
                return None
            return self.manager.read((source_of(target),), as_type, None)

        return AssetContext(
            asset_name=target.asset,
            partition_keys=() if key is None else (key,),
            partition_window=None if key is None or partitions is None else partitions.window(key),
            partition=dict(target.dimensions),
            run_id=target.run_id,
            attempt=target.attempt,
            now=slot.at,
            load_previous=previous,
        )


def _outcome(check: Any, result: CheckResult, slot: Examined) -> CheckOutcome:
    target = slot.target
    return CheckOutcome(
        asset=target.asset,
        partition=partition_text(target.partition_key),
        ordinal=slot.ordinal,
        run_id=target.run_id,
        check=check.name,
        passed=result.passed,
        checked_at=slot.at,
        severity=check.severity,
        blocking=check.blocking,
        description=mask(result.description),
        metadata=json_value(result.metadata),
    )


def _complaint(outcomes: Sequence[CheckOutcome], slot: Examined) -> str:
    failed = [one for one in outcomes if one.blocking and not one.passed]
    name = slot_name(slot.asset.key, slot.target.partition_key)
    many = f"{len(failed)} blocking checks" if len(failed) > 1 else "a blocking check"
    kept = "; what was published before stays" if slot.target.published else ""
    lines = [f"{name} ({slot.asset.source}) failed {many}, so it was not published{kept}:"]
    for one in failed:
        lines.append(f"  {one.check}: {one.description or 'It returned False'}")
        lines += [f"    {row}" for row in (one.metadata.get("sample") or ())[:_TOLD_ROWS]]
    return "\n".join(lines)
