"""The notebooks run from the first cell to the last, as a person would run them."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def folder(tmp_path):
    """Copy the notebooks and the examples that they use to a folder without any state."""
    leave = shutil.ignore_patterns(".assetkit", "__pycache__", ".ipynb_checkpoints")
    for name in ("notebooks", "examples"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=leave)
    return tmp_path / "notebooks"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, folder):
    """No cell fails, and the plan and the result have a rich view beside their text."""
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()

    shown = [o for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o]
    rich = [o for o in shown if "text/html" in o["data"]]
    assert len(rich) >= 5
    assert all("text/plain" in output["data"] for output in rich)
    assert not any("<script" in output["data"]["text/html"] for output in rich)


def test_plans_results_and_errors_have_the_text_of_the_command_line(tmp_path):
    """Where no HTML is shown, the text is the command line's; of an error, the user's frames."""
    cells = [
        "from assetkit import asset, materialize, plan",
        "@asset\ndef orders():\n    return None",
        "plan(orders)",
        "materialize(orders)",
        "@asset\ndef broken(orders):\n    raise ValueError('no such thing')\nmaterialize(broken)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    client = NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    planned, made, failed = (cell.outputs[-1] for cell in notebook.cells[2:])

    assert "never built" in planned["data"]["text/plain"]
    assert "1 materialized" in made["data"]["text/plain"]
    assert "text/html" in planned["data"]
    assert "text/html" in made["data"]
    shown = "\n".join(failed["traceback"])
    assert "raise ValueError('no such thing')" in shown
    assert "materialize(broken)" in shown
    assert "runner.py" not in shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_saved_without_outputs(path):
    """A saved notebook holds what people wrote, so that its changes can be read."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]

    assert [cell.id for cell in code if cell.outputs or cell.execution_count] == []
