"""A day's rows just as the source has them."""

import pandas as pd

from assetkit import AssetContext, asset
from nyc_flights.calendar import days
from nyc_flights.source import flights_by_day, weather_by_day


@asset(partitions=days, group="raw")
def raw_flights(context: AssetContext) -> pd.DataFrame:
    """Departures from the three airports of New York."""
    return flights_by_day()[context.partition_key]


@asset(partitions=days, group="raw")
def raw_weather(context: AssetContext) -> pd.DataFrame:
    """Hourly weather at the three airports."""
    return weather_by_day()[context.partition_key]
