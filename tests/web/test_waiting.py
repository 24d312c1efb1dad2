"""A step that waits for a person: where the page says so, and that it is let go on there."""

import pandas as pd

import assetkit as ak
from assetkit import Workspace
from assetkit.project import Definitions
from assetkit.web.board import board_page
from assetkit.web.desk import Desk
from assetkit.web.reader import answer
from assetkit.web.runs import run_page


@ak.asset(requires_approval=True)
def payroll() -> pd.DataFrame:
    return pd.DataFrame({"n": [1]})


class Person:
    """Looks at the page when a run asks for approval, and approves there."""

    def __init__(self, desk):
        self.desk = desk
        self.seen = {}

    def notify(self, event):
        if type(event).__name__ != "ApprovalAsked":
            return
        board, run = board_page(self.desk), run_page(self.desk, run_id=event.run_id)
        self.seen = {
            "board": (board.rows[0].why, [one.step for one in board.waiting], board.sentence),
            "run": ([one.step for one in run.waiting], [one.left for one in run.gantt.rows]),
        }
        wish = {"run_id": event.run_id, "step": "payroll", "status": "approved"}
        answer(self.desk, {"id": 1, "ask": "decide", "arguments": {**wish, "note": ""}})

    def close(self):
        pass


def test_a_step_that_waits_is_told_and_let_go_on(tmp_path):
    """On the board and on the page of its run, until it is approved there."""
    with Workspace(tmp_path / "workspace") as workspace:
        person = Person(Desk(workspace, Definitions(assets=[payroll])))
        result = ak.materialize(payroll, workspace=workspace, progress=person)

    assert result.success
    assert person.seen == {
        "board": (
            "waits for a person",
            ["payroll"],
            "1 asset running, 1 step waiting for a person; 0 fine.",
        ),
        "run": (["payroll"], [1]),
    }
