"""What happened on one day. Sums, not means: a month is the sum of its days."""

import pandas as pd

from assetkit import asset
from nyc_flights.calendar import days

LATE = 15  # minutes


def count_departures(flights: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return flights, cancellations, late departures and minutes of delay per group."""
    counted = flights.assign(
        flights=1, late=flights["dep_delay"] > LATE, delay=flights["dep_delay"]
    )
    return counted.groupby(by, as_index=False)[["flights", "cancelled", "late", "delay"]].sum()


@asset(partitions=days, group="daily")
def carrier_delays(flights: pd.DataFrame) -> pd.DataFrame:
    """Departures and delays by carrier."""
    return count_departures(flights, ["carrier"])


@asset(partitions=days, group="daily")
def route_delays(flights: pd.DataFrame) -> pd.DataFrame:
    """Departures and delays by route."""
    return count_departures(flights, ["origin", "dest"])


@asset(partitions=days, group="daily")
def flights_in_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Each departure with the weather at its airport in its hour; unknown weather stays empty."""
    columns = ["carrier", "flight", "origin", "dest", "time_hour", "dep_delay", "cancelled"]
    return flights[columns].merge(weather, on=["origin", "time_hour"], how="left")
