"""The command line as a process of its own: signals, pipes and what is loaded."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import warm

PROJECT = Path(__file__).parents[2]
WAITING = textwrap.dedent(
    """
    import sys
    import threading
    from assetkit import asset

    @asset
    def first():
        return None

    @asset(deps=[first])
    def second():
        print("second runs", flush=True)
        threading.Event().wait()
    """
)


@pytest.fixture
def command(tmp_path):
    """Return what starts the command line as a process in a project whose second asset waits."""
    (tmp_path / "waiting.py").write_text(WAITING)
    started = []

    def start(*arguments):
        process = warm.Process(
            ["-m", "assetkit", "-m", "waiting", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminate"]
)
def test_a_signal_ends_a_run_cleanly(command, number, code):
    """What was done before is kept, the exit code says why it ended, and the rest is still due."""
    process = command("materialize")
    line = process.stderr.readline()
    while "second runs" not in line:
        assert line, "the run ended before its second asset began"
        line = process.stderr.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=180)

    assert process.returncode == code
    assert "interrupted" in err
    assert "Traceback" not in err
    out, _ = command("plan").communicate(timeout=180)
    assert " +  second" in out
    assert "1 to build, 1 up to date." in out


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="help"),
        pytest.param(
            {
                "_ASSETKIT_COMPLETE": "bash_complete",
                "COMP_WORDS": "assetkit plan -s fl",
                "COMP_CWORD": "3",
            },
            id="completion",
        ),
    ],
)
def test_help_and_completion_load_no_engine(environ):
    """Both answer without anything heavy, whatever the project needs."""
    program = (
        "import sys\nfrom assetkit.cli import main\n"
        "try: main(['materialize', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'pyarrow', 'duckdb', 'rich', 'pydantic', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
