"""Help, usage errors and exit codes: what works without a project."""

import subprocess
import sys

import click
import pytest

from assetkit import errors
from assetkit.cli.app import COMMANDS, cli
from assetkit.cli.exits import Terminated, exit_code

NAMES = [name for section in COMMANDS.values() for name in section]


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_reads_as_it_should(run, golden, monkeypatch, name):
    """Each command says what it does, its options, and examples."""
    monkeypatch.setenv("COLUMNS", "80")
    ended = run(*filter(None, [name]), "--help")

    assert ended.code == 0
    assert ended.err == ""
    golden(f"help_{name or 'assetkit'}", ended.out)


@pytest.mark.parametrize("name", NAMES)
def test_commands_have_one_line_and_examples(name):
    """The group's line of a command is no longer than it should be, and it has an example."""
    context = click.Context(cli)
    command = cli.get_command(context, name)
    line = next(section[name][1] for section in COMMANDS.values() if name in section)

    assert len(line) <= 60
    subcommands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    assert all(one.examples for one in subcommands)


def test_no_command_is_a_question_for_help(run):
    """Called with nothing, the help is shown and nothing is wrong."""
    ended = run()

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: assetkit")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["plna"], "Did you mean plan?", id="command"),
        pytest.param(["plan", "--forse"], "No such option '--forse'. (Did you mean", id="option"),
        pytest.param(["graph", "--format", "gif"], "'gif' is not one of", id="choice"),
        pytest.param(["show"], "Missing argument 'ASSET[@PARTITION]'", id="missing"),
        pytest.param(["plan"], "no project is named", id="no-project"),
        pytest.param(["runs", "--limit", "0"], "0 is not in the range", id="range"),
        pytest.param(["delete", "x"], "say --yes", id="nobody-to-ask"),
        pytest.param(["promote"], "is no branch", id="no-branch"),
        pytest.param(["sql", ""], "gives no rows", id="no-query"),
        pytest.param(["tick", "--horizon", "soon"], "'soon' is no span of time", id="span"),
        pytest.param(["daemon", "--grace", "1x"], "'1x' is no span of time", id="grace"),
        pytest.param(
            ["-m", "x", "ui", "--host", "0.0.0.0"], "would let other machines in", id="host"
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(run, arguments, message):
    """A mistake on the command line is said on stderr, with the way to help."""
    ended = run(*arguments)

    assert ended.code == 2
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.MaterializationError("x"), 1),
        (errors.CheckFailed("x"), 1),
        (errors.DataMissing("x"), 1),
        (RuntimeError("x"), 1),
        (click.UsageError("x"), 2),
        (errors.UnknownAsset("x"), 2),
        (errors.UnknownPartition("x"), 2),
        (errors.EmptySelection("x"), 2),
        (errors.InvalidSelection("x"), 2),
        (errors.ConfigError("x"), 2),
        (errors.LoadError("x"), 3),
        (errors.CycleError("x", path=["a"]), 3),
        (errors.DuplicateAsset("x"), 3),
        (errors.UnknownUpstream("x"), 3),
        (errors.CatalogLocked("x"), 5),
        (errors.PlanOutdated("x"), 6),
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_kind_of_error_has_its_code(error, code):
    """Exit codes say who can mend it."""
    assert exit_code(error) == code


def test_a_reader_that_goes_away_is_no_error():
    """`assetkit ... | head` ends quietly."""
    program = "from assetkit.cli import main; main(['--help'])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
        code = process.wait(timeout=120)

    assert (code, err) == (0, b"")


def test_completion_offers_commands_without_loading_anything_heavy(run, monkeypatch):
    """The shell asks with a variable; the answer comes before any engine is loaded."""
    monkeypatch.setenv("_ASSETKIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "assetkit pl")
    monkeypatch.setenv("COMP_CWORD", "1")

    assert "plain,plan" in run().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(run, shell):
    """Each shell gets a script that asks assetkit."""
    ended = run("completion", shell)

    assert ended.code == 0
    assert "_ASSETKIT_COMPLETE" in ended.out
