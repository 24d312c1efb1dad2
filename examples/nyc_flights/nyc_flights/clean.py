"""One row per thing, no column that can be told from another."""

import pandas as pd

from assetkit import asset
from nyc_flights.calendar import days

TOLD_BY_OTHERS = ["year", "month", "day", "hour", "minute", "sched_dep_time"]


@asset(partitions=days, group="clean")
def flights(raw_flights: pd.DataFrame) -> pd.DataFrame:
    """Departures with the moment scheduled; one without a departure time was cancelled."""
    scheduled = raw_flights["time_hour"] + pd.to_timedelta(raw_flights["minute"], unit="min")
    cancelled = raw_flights["dep_time"].isna()
    kept = raw_flights.drop(columns=TOLD_BY_OTHERS)
    return kept.assign(scheduled=scheduled, cancelled=cancelled)


@asset(partitions=days, group="clean")
def weather(raw_weather: pd.DataFrame) -> pd.DataFrame:
    """Hourly weather by airport and hour; gusts and pressure are left out, half are missing."""
    columns = ["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]
    return raw_weather[columns]
