"""Tables without partitions: who flies, with what, to where."""

import pandas as pd

from assetkit import asset
from nyc_flights.source import read_table


@asset(group="dimensions")
def airlines() -> pd.DataFrame:
    """The 16 carriers and their names."""
    return read_table("airlines")


@asset(group="dimensions")
def airports() -> pd.DataFrame:
    """Airports of the United States, with place and time zone."""
    return read_table("airports")


@asset(group="dimensions")
def planes() -> pd.DataFrame:
    """The aircraft register: maker, model, year, seats."""
    return read_table("planes")
