"""Ready checks: what must be true of a table, asked in SQL of the data as it was written."""

from __future__ import annotations

from assetkit.checks.ready import accepted_values as accepted_values
from assetkit.checks.ready import foreign_key as foreign_key
from assetkit.checks.ready import in_range as in_range
from assetkit.checks.ready import no_schema_change as no_schema_change
from assetkit.checks.ready import not_null as not_null
from assetkit.checks.ready import row_count as row_count
from assetkit.checks.ready import sql as sql
from assetkit.checks.ready import unique as unique
from assetkit.checks.result import CheckResult as CheckResult

__all__ = [
    "CheckResult",
    "accepted_values",
    "foreign_key",
    "in_range",
    "no_schema_change",
    "not_null",
    "row_count",
    "sql",
    "unique",
]
