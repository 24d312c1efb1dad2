"""What a person reads: months, routes, weather, fleet, and the year's ranking."""

from collections.abc import Iterator

import duckdb
import pandas as pd

from assetkit import asset
from nyc_flights.calendar import months

SUMS = ["flights", "cancelled", "late", "delay"]


def with_rates(sums: pd.DataFrame) -> pd.DataFrame:
    """Add the mean delay in minutes and the share of late flights, both of those that left."""
    departed = sums["flights"] - sums["cancelled"]
    return sums.assign(
        mean_delay=(sums["delay"] / departed).round(2),
        late_share=(sums["late"] / departed).round(4),
    )


@asset(partitions=months, group="reports")
def monthly_report(carrier_delays: pd.DataFrame, airlines: pd.DataFrame) -> pd.DataFrame:
    """How punctual each carrier was in a month."""
    sums = carrier_delays.groupby("carrier", as_index=False)[SUMS].sum()
    return with_rates(sums).merge(airlines, on="carrier")


@asset(partitions=months, group="reports")
def busiest_routes(route_delays: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """The ten routes with the most flights in a month."""
    sums = route_delays.groupby(["origin", "dest"], as_index=False)[SUMS].sum()
    top = sums.sort_values(["flights", "origin", "dest"], ascending=[False, True, True]).head(10)
    names = airports[["faa", "name"]].rename(columns={"faa": "dest", "name": "destination"})
    return with_rates(top).merge(names, on="dest", how="left")


@asset(group="reports")
def weather_impact(flights_in_weather: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Delays and cancellations by how far one could see, over the whole year."""
    return flights_in_weather.query(
        "flights",
        """
        select
            case when visib < 2 then 'fog' when visib < 10 then 'haze' else 'clear' end as view,
            count(*) as flights,
            count(*) filter (cancelled) as cancelled,
            round(avg(dep_delay), 2) as mean_delay
        from flights
        where visib is not null
        group by view
        order by view
        """,
    )


@asset(group="reports")
def fleet_use(flights: Iterator[pd.DataFrame], planes: pd.DataFrame) -> pd.DataFrame:
    """Departures and seats by maker of the aircraft; reads a day at a time."""
    departures = pd.Series(dtype="int64")
    for day in flights:
        flown = day.loc[~day["cancelled"], "tailnum"].value_counts()
        departures = departures.add(flown, fill_value=0)
    known = planes.set_index("tailnum")[["manufacturer", "seats"]]
    used = known.assign(departures=departures).dropna(subset="departures")
    used = used.assign(seats=used["seats"] * used["departures"])
    sums = used.groupby("manufacturer", as_index=False)[["departures", "seats"]].sum()
    return sums.astype({"departures": "int64", "seats": "int64"})


@asset(group="reports")
def carrier_ranking(monthly_report: pd.DataFrame) -> pd.DataFrame:
    """The carriers of the year, the most punctual first."""
    sums = monthly_report.groupby(["carrier", "name"], as_index=False)[SUMS].sum()
    ranking = with_rates(sums).sort_values(["late_share", "carrier"], ignore_index=True)
    ranking.insert(0, "rank", ranking.index + 1)
    return ranking
