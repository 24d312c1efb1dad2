"""Whatever graph, edits and deletions: the result is what computing everything anew gives."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from assetkit import StaticPartitions, Workspace, asset, materialize, plan
from assetkit.catalog.memory import MemoryCatalog
from assetkit.io import MemoryIOManager

KEYS = ("a", "b", "c")
SCHEME = StaticPartitions(list(KEYS))


@dataclass
class Node:
    """One asset of a model graph; its value is small, so that many edits change nothing."""

    name: str
    upstreams: tuple[str, ...]
    partitioned: bool
    seed: int = 0


@dataclass
class Model:
    """A graph, and what each slot's value must be."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def value(self, name: str, key: str | None) -> int:
        """Compute one slot from nothing."""
        node = self.nodes[name]
        total = node.seed + (KEYS.index(key) if key else 0)
        for upstream in node.upstreams:
            above = self.nodes[upstream]
            if not above.partitioned:
                total += self.value(upstream, None)
            elif key is not None:
                total += self.value(upstream, key)
            else:
                total += sum(self.value(upstream, each) for each in KEYS)
        return total // 2 % 3

    def assets(self) -> list[object]:
        """Define the assets, each with its seed as its code version."""
        return [_define(node) for node in self.nodes.values()]


def _define(node: Node):
    def compute(context, frames):
        key = context.partition_key
        total = node.seed + (KEYS.index(key) if key else 0)
        total += sum(int(frame.v.sum()) for frame in frames)
        return pd.DataFrame({"v": [total // 2 % 3]})

    parameters = "".join(f", {upstream}" for upstream in node.upstreams)
    source = (
        f"def {node.name}(context{parameters}):\n    return compute(context, [{parameters[2:]}])"
    )
    names = {"compute": compute}
    exec(source, names)
    function = names[node.name]
    return asset(partitions=SCHEME if node.partitioned else None, code_version=str(node.seed))(
        function
    )


@st.composite
def models(draw):
    """Draw a graph of up to six assets."""
    model = Model()
    for number in range(draw(st.integers(1, 6))):
        known = list(model.nodes)
        above = draw(st.lists(st.sampled_from(known), unique=True, max_size=3)) if known else []
        model.nodes[f"n{number}"] = Node(
            f"n{number}", tuple(above), draw(st.booleans()), draw(st.integers(0, 3))
        )
    return model


def memory_workspace(folder) -> Workspace:
    """Return a workspace that keeps nothing on disk but logs."""
    return Workspace(folder, catalog=MemoryCatalog(), io_managers={"parquet": MemoryIOManager()})


def assert_right(model: Model, workspace: Workspace) -> None:
    """Compare every slot with what it must be."""
    for name, node in model.nodes.items():
        for key in KEYS if node.partitioned else (None,):
            frame = workspace.load(name, key)
            assert int(frame.v.iloc[0]) == model.value(name, key), (name, key)


@settings(max_examples=20, deadline=None)
@given(model=models(), edits=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=4))
def test_results_equal_computing_anew_after_any_edits(tmp_path_factory, model, edits):
    """After each edit one run makes all right, and the plan after it is empty."""
    workspace = memory_workspace(tmp_path_factory.mktemp("graph"))
    for which, seed in [(0, model.nodes["n0"].seed), *edits]:
        model.nodes[f"n{which % len(model.nodes)}"].seed = seed
        assets = model.assets()
        materialize(assets, workspace=workspace, progress="none")

        assert_right(model, workspace)
        assert len(plan(assets, workspace=workspace)) == 0


class Life(RuleBasedStateMachine):
    """A workspace that is edited, run in parts, and deleted from, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.context = Workspace.temporary(
            catalog=MemoryCatalog(), io_managers={"parquet": MemoryIOManager()}
        )
        self.workspace = self.context.__enter__()
        self.model = Model(
            {
                "n0": Node("n0", (), partitioned=True),
                "n1": Node("n1", ("n0",), partitioned=True),
                "n2": Node("n2", ("n1",), partitioned=False),
                "n3": Node("n3", ("n2", "n0"), partitioned=True),
            }
        )
        self.built: set[tuple[str, str | None]] = set()

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)

    @rule(name=st.sampled_from(["n0", "n1", "n2", "n3"]), seed=st.integers(0, 3))
    def edit(self, name, seed):
        """Change the code of an asset."""
        self.model.nodes[name].seed = seed

    @rule(name=st.sampled_from(["n0", "n1", "n2", "n3"]), upstream=st.booleans())
    def run(self, name, upstream):
        """Materialize one asset, with or without what is upstream of it."""
        result = materialize(
            self.model.assets(),
            select=name,
            upstream=upstream,
            workspace=self.workspace,
            progress="none",
            raise_on_error=False,
        )
        assert not result.failed
        self.built |= {*result.materialized, *result.unchanged}

    @precondition(lambda self: self.built)
    @rule(data=st.data())
    def delete(self, data):
        """Delete one published slot."""
        name, key = data.draw(st.sampled_from(sorted(self.built, key=str)))
        self.workspace.delete(name, key)
        self.built.discard((name, key))

    @rule()
    def run_everything(self):
        """Bring all up to date: then all is right, and there is nothing left to do."""
        assets = self.model.assets()
        result = materialize(assets, workspace=self.workspace, progress="none")
        self.built |= {*result.materialized, *result.unchanged}
        assert_right(self.model, self.workspace)
        assert len(plan(assets, workspace=self.workspace)) == 0

    @invariant()
    def catalog_knows_what_is_built(self):
        """The catalog lists just the slots that were built and not deleted."""
        status = self.workspace.status()
        assert int(status.slots.sum() if len(status) else 0) == len(self.built)


Life.TestCase.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)
TestLife = Life.TestCase
