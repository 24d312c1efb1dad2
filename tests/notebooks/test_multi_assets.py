"""Multi-assets and descriptions in a notebook: cells run again, worker processes, views."""

import nbformat
from nbclient import NotebookClient

DEFINE = """
import pandas as pd
from assetkit import Output, ProcessExecutor, Workspace, asset, materialize, multi_asset, plan

@multi_asset(outs=["low", "high"])
async def halves():
    yield Output(pd.DataFrame({"n": [1]}), name="low", metadata={"limit": 1})
    yield Output(pd.DataFrame({"n": [NUMBER]}), name="high")

@asset
def total(low, high):
    return low + high
"""


def test_a_multi_asset_of_a_notebook(tmp_path):
    """It runs in worker processes, a changed cell makes it stale, and its data has a view."""
    cells = [
        DEFINE.replace("NUMBER", "2"),
        "first = halves\nmaterialize(total, executor=ProcessExecutor(1)).load('total').n.tolist()",
        "len(plan([halves, total]))",
        DEFINE.replace("NUMBER", "3"),
        "first['high'] is halves['high'], materialize(total).load('total').n.tolist()",
        "Workspace().describe('low')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    made, left, again, described = (notebook.cells[place].outputs[-1] for place in (1, 2, 4, 5))

    assert made["data"]["text/plain"] == "[3]"
    assert left["data"]["text/plain"] == "0"
    assert again["data"]["text/plain"] == "(True, [4])"
    assert "limit" in described["data"]["text/html"]
