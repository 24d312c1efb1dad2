"""A plan as the JSON object that programs read."""

from __future__ import annotations

from typing import Any

from assetkit.planning.model import AssetSummary, Cause
from assetkit.planning.plan import Plan
from assetkit.planning.text import verb_of
from assetkit.records import partition_text


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as ``assetkit.plan/1``: totals, a line per asset, and each step in order."""
    summary = plan.summary()
    return {
        "id": plan.plan_id,
        "as_of": plan.now,
        "targets": plan.targets,
        "notes": plan.notes,
        "summary": {
            "build": summary.run,
            "maybe": summary.maybe,
            "blocked": summary.blocked,
            "held": sum(line.quarantined for line in summary.assets),
            "keep": summary.fresh,
            "estimate_s": summary.seconds,
        },
        "assets": [_asset(line) for line in summary.assets],
        "steps": [
            {
                "asset": step.asset,
                "partition": partition_text(step.partition),
                "verdict": str(step.verdict),
                "maybe": step.maybe,
                "causes": [_cause(cause) for cause in step.causes],
            }
            for step in plan.steps
        ],
    }


def _asset(line: AssetSummary) -> dict[str, Any]:
    return {
        "asset": line.asset,
        "verb": verb_of(line),
        "build": line.run,
        "maybe": line.maybe,
        "blocked": line.blocked,
        "held": line.quarantined,
        "running": line.running,
        "keep": line.fresh,
        "partitions": line.partitions,
        "causes": [{"cause": cause, "count": count} for cause, count in line.causes],
        "estimate_s": line.seconds,
        "rows": line.rows,
        "bytes": line.bytes,
        "orphans": line.orphans,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {"code": cause.kind, "upstream": cause.upstream, "detail": cause.detail}
