"""One row per thing, no column that can be told from another."""

import pandas as pd

from assetkit import asset
from nyc_flights.calendar import days

MOMENT = ["year", "month", "day", "hour", "minute"]


@asset(partitions=days, group="clean")
def flights(raw_flights: pd.DataFrame) -> pd.DataFrame:
    """Departures; one that has no departure time was cancelled."""
    scheduled = pd.to_datetime(raw_flights[MOMENT])
    return raw_flights.assign(
        scheduled=scheduled,
        cancelled=raw_flights["dep_time"].isna(),
    ).drop(columns=["year", "month", "day", "hour", "minute", "sched_dep_time"])


@asset(partitions=days, group="clean")
def weather(raw_weather: pd.DataFrame) -> pd.DataFrame:
    """Hourly weather by airport and hour; gusts and pressure are left out, half are missing."""
    columns = ["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]
    return raw_weather[columns]
