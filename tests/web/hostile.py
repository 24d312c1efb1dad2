"""A project whose every text tries to become part of the page that shows it."""

import base64

import pandas as pd
from pydantic import SecretStr

from assetkit import (
    AssetContext,
    CheckResult,
    Config,
    DailyPartitions,
    FreshnessPolicy,
    HourlyPartitions,
    MultiPartitions,
    Output,
    RetryPolicy,
    StaticPartitions,
    asset,
    asset_check,
    sql_asset,
)
from assetkit.metadata import Image, Markdown, PathTo, Table

HOSTILE = "\"'></script><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}&lt;b&gt;"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
    "Jggg=="
)


@asset_check(description=HOSTILE, severity="warn")
def suspicious(orders: pd.DataFrame) -> CheckResult:
    return CheckResult(False, metadata={HOSTILE: HOSTILE}, description=HOSTILE)


@asset(
    partitions=DailyPartitions("2026-01-01", end="2026-02-01"),
    group="raw",
    owners=[HOSTILE],
    tags={"note": HOSTILE},
    description=f"Orders. [run](javascript:alert(3)) ![see](javascript:alert(4)) {HOSTILE}",
    checks=[suspicious],
)
def orders(context: AssetContext) -> Output:
    print(HOSTILE)  # noqa: T201  what a step prints is shown, too
    context.log.warning("%s \x1b[31mred\x1b[0m", HOSTILE)
    if context.partition_key.endswith(("03", "04", "13")):
        raise ValueError(HOSTILE)
    frame = pd.DataFrame({"name": [HOSTILE], HOSTILE: [1]})
    return Output(
        frame,
        metadata={
            HOSTILE: HOSTILE,
            "link": {"kind": "url", "value": "javascript:alert(5)"},
            "notes": Markdown(f"# {HOSTILE}\n[run](javascript:alert(6)) <img src=x>"),
            "file": PathTo(HOSTILE),
            "rows": Table([{HOSTILE: HOSTILE}]),
            "picture": Image(base64.b64decode(PIXEL)),
        },
    )


class Access(Config):
    password: SecretStr = SecretStr("terces-yrev"[::-1])


@asset(partitions=StaticPartitions([HOSTILE, "plain"]), group="raw")
def regions(context: AssetContext, access: Access) -> pd.DataFrame:
    context.log.info("access: %s", access)
    return pd.DataFrame({"region": [context.partition_key]})


@asset(
    partitions=MultiPartitions(
        date=DailyPartitions("2026-01-01", end="2026-01-11"),
        region=StaticPartitions(["de", "fr", "it"]),
    )
)
def matrix() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


@asset(partitions=HourlyPartitions("2024-01-01T00", end="2026-01-01T00"))
def hours() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


@asset(retry=RetryPolicy(2))
def shaky(context: AssetContext) -> pd.DataFrame:
    context.log.info("this is attempt %d", context.attempt)
    if context.attempt < 3:
        raise TimeoutError(HOSTILE)
    return pd.DataFrame({"n": [1]})


@asset(group="marts", freshness=FreshnessPolicy(max_lag="8h"))
def report(orders: pd.DataFrame) -> pd.DataFrame:
    return orders


IN_SQL = HOSTILE.replace("'", "''")
by_name = sql_asset("by_name", f"select *, '{IN_SQL}' as said from report")
