"""Resources in runs: one per run and worker, closed afterwards; configuration from all sides."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from assetkit import (
    Config,
    ProcessExecutor,
    Resource,
    ThreadExecutor,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.errors import ConfigError, InvalidArgument, MaterializationError, PlanError


class Journal(Resource):
    """Writes down where and when it is set up and torn down."""

    path: str = "journal.txt"

    def note(self, text):
        """Add a line: what happened, in which process, to which instance."""
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.write(f"{text} {os.getpid()} {id(self)}\n")

    def setup(self):
        """Begin."""
        self.note("up")

    def teardown(self):
        """End."""
        self.note("down")


class Limits(Config):
    """What a run may be told."""

    rows: int


@asset(io_manager="json")
def first(journal: Journal):
    """Use the resource by name."""
    journal.note("first")
    return 1


@asset(io_manager="json")
def second(other: Journal, first: int, context):
    """Use the same class under another name, and through the context."""
    other.note("second")
    return first + 1


@asset(io_manager="json")
def limited(limits: Limits):
    """Return what was configured."""
    return limits.rows


@pytest.fixture
def workspace():
    """Give a workspace of its own to each test."""
    with Workspace.temporary() as made:
        yield made


def lines(path="journal.txt"):
    """Return what was noted, as (what, process, instance)."""
    return [tuple(line.split()) for line in Path(path).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("given", [{}, {"journal": Journal()}, {"elsewhere": Journal()}])
@pytest.mark.parametrize("executor", [None, ThreadExecutor(2)])
def test_one_instance_serves_a_run(workspace, executor, given):
    """Made of its class or given by any name: set up once, shared, torn down at the end."""
    materialize(second, workspace=workspace, resources=given, executor=executor, progress="none")

    assert [what for what, _, _ in lines()] == ["up", "first", "second", "down"]
    assert len({rest for _, *rest in map(list, lines()) for rest in [tuple(rest)]}) == 1


def test_workers_have_one_each_and_close_it_after_each_run(workspace, tmp_path):
    """A worker that stays warm for the next run sets up anew there."""
    path = str(tmp_path / "noted.txt")
    executor = ProcessExecutor(1)

    for _ in range(2):
        materialize(
            second,
            workspace=workspace,
            resources={"journal": Journal(path=path)},
            executor=executor,
            force=True,
            progress="none",
        )

    whats = [what for what, _, _ in lines(path)]
    assert whats == ["up", "first", "second", "down", "up", "second", "down"]
    assert {process for _, process, _ in lines(path)} != {str(os.getpid())}


def test_a_resource_is_closed_where_a_step_fails(workspace):
    """However a run ends, what it opened is closed."""

    @asset
    def broken(journal: Journal):
        raise ValueError("no")

    with pytest.raises(MaterializationError):
        materialize(broken, workspace=workspace, progress="none")

    assert [what for what, _, _ in lines()] == ["up", "down"]


def test_two_runs_in_one_process_close_only_their_own(workspace):
    """A run inside a step leaves alone what the run around it has open."""

    class Around:
        """Starts another run as soon as the first step has ended."""

        inner = True

        def close(self):
            """There is nothing to close."""

        def notify(self, event):
            if self.inner and type(event).__name__ == "StepEnded":
                self.inner = False
                with Workspace.temporary() as other:
                    materialize(first, workspace=other, progress="none")

    materialize(second, workspace=workspace, progress=Around())

    assert [what for what, _, _ in lines()].count("up") == 2
    assert [what for what, _, _ in lines()][-1] == "down"
    assert lines()[0][2] == lines()[-1][2]


def test_a_resource_with_wrong_fields_is_told_where_it_is_made():
    """Each field by name, with the nearest; never what was given for a misspelt one."""

    class Database(Resource):
        dsn: str
        size: int = 3
        password: SecretStr = SecretStr("")

    with pytest.raises(ConfigError, match=r"Database \(.+test_resources.+\)") as refused:
        Database(size="many", passwrd="hunter2")

    told = str(refused.value)
    assert "dsn: Field required" in told
    assert "size: Input should be a valid integer" in told
    assert "Did you mean password?" in told
    assert "hunter2" not in told


def test_what_lacks_configuration_is_refused_before_anything_runs(workspace):
    """A required field that nobody gave is named, and no run is recorded."""
    with pytest.raises(ConfigError, match=r"limited\.rows: Field required"):
        materialize([limited, first], workspace=workspace, progress="none")

    assert workspace.runs().empty
    result = materialize(first, workspace=workspace, progress="none")
    assert result.success


@pytest.mark.parametrize(
    ("name", "text"),
    [("c.toml", "[limited]\nrows = 5\n"), ("c.json", '{"limited": {"rows": 5}}')],
)
def test_configuration_may_be_a_file(workspace, name, text):
    """A path stands for what the file says; it is part of the fingerprint as ever."""
    Path(name).write_text(text, encoding="utf-8")

    result = materialize(limited, workspace=workspace, config=name, progress="none")

    assert result.load("limited", load_as=int) == 5
    assert len(plan(limited, workspace=workspace, config={"limited": {"rows": 5}})) == 0
    made = plan(limited, workspace=workspace, config={"limited": {"rows": 6}})
    assert [step.causes for step in made.steps] == [("config",)]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("c.yaml", "", "should be a .toml or .json file"),
        ("c.toml", "[limited", "is no TOML"),
        ("c.json", "[1]", "a table of fields per asset"),
        ("gone.toml", None, "gone.toml"),
        ("c.toml", "[limited]\nrows = 'all'\n", r"limited\.rows: Input should be a valid integer"),
    ],
)
def test_a_file_that_does_not_do_is_refused(workspace, name, text, told):
    """The error names the file, or the path of the field."""
    if text is not None:
        Path(name).write_text(text, encoding="utf-8")

    with pytest.raises(PlanError, match=told):
        plan(limited, workspace=workspace, config=name)


def test_configuration_of_another_kind_is_refused(workspace):
    """What is neither a mapping nor a path is named."""
    with pytest.raises(InvalidArgument, match="config=5"):
        plan(limited, workspace=workspace, config=5)
