"""What every IO manager promises, as a suite to subclass."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
import pandas as pd

from assetkit.api import materialize, plan
from assetkit.definitions.decorator import asset
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.static import StaticPartitions
from assetkit.execution.context import AssetContext
from assetkit.testing.slots import Slots, expect
from assetkit.workspace.facade import Workspace

_ODD_KEYS = ("2026-01-31", "a b", "50%/é", "CON", "x" * 60)


class IOManagerContract:
    """Subclass it in a test module, say what to test and with which values, and run pytest.

    ``load_as`` is the type to read values as (None: what the manager gives by default),
    ``in_workers`` whether the manager works in several processes at once.
    """

    load_as: ClassVar[Any] = None
    in_workers: ClassVar[bool] = True

    def make(self) -> Any:
        """Return the manager; a new one for each test."""
        raise TypeError(f"{type(self).__name__} needs make(self), which returns an IO manager.")

    def value(self, number: int) -> Any:
        """Return a value that the manager stores; another one for another number."""
        return pd.DataFrame({"number": [number, number + 1], "text": ["a", "b"]})

    def is_same(self, one: Any, other: Any) -> bool:
        """Return whether a value came back as it was."""
        if isinstance(one, pd.DataFrame):
            return bool(one.equals(other))
        return bool(one == other)

    def test_a_value_comes_back(self, tmp_path: Path) -> None:
        """What was written is read, by a manager that was made anew, too."""
        slots, manager = Slots.under(tmp_path), self.make()
        self.store(manager, self.value(1), slots.target())

        self.expect_value(manager, slots, 1)
        if self.in_workers:
            self.expect_value(self.make(), slots, 1)

    def test_writing_again_replaces(self, tmp_path: Path) -> None:
        """The newest value is there, and nothing of the one before."""
        slots, manager = Slots.under(tmp_path), self.make()
        for number in (1, 2):
            self.store(manager, self.value(number), slots.target())

        self.expect_value(manager, slots, 2)

    def test_partitions_and_assets_are_kept_apart(self, tmp_path: Path) -> None:
        """Each slot has a value of its own, whatever its key is called."""
        slots, manager = Slots.under(tmp_path), self.make()
        for number, key in enumerate(_ODD_KEYS):
            self.store(manager, self.value(number), slots.target(key))
        self.store(manager, self.value(100), slots.target(asset="shop/others"))

        for number, key in enumerate(_ODD_KEYS):
            self.expect_value(manager, slots, number, key=key)
        self.expect_value(manager, slots, 100, asset="shop/others")

    def test_deleting_removes_one_slot(self, tmp_path: Path) -> None:
        """What is deleted cannot be read, the others can; to delete nothing is no error."""
        slots, manager = Slots.under(tmp_path), self.make()
        for number, key in enumerate(("d0", "d1")):
            self.store(manager, self.value(number), slots.target(key))

        manager.delete(slots.target("d0"))
        manager.delete(slots.target("d0"))

        self.expect_nothing(manager, slots, "d0")
        self.expect_value(manager, slots, 1, key="d1")

    def test_what_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        """A read of what was never written raises; it makes nothing up."""
        self.expect_nothing(self.make(), Slots.under(tmp_path), "d0")

    def test_it_travels_to_workers(self, tmp_path: Path) -> None:
        """A pickled copy reads what the manager wrote, and the other way round."""
        if not self.in_workers:
            return
        slots, manager = Slots.under(tmp_path), self.make()
        copy = cloudpickle.loads(cloudpickle.dumps(manager))

        self.store(copy, self.value(1), slots.target())
        self.expect_value(manager, slots, 1)
        self.store(manager, self.value(2), slots.target())
        self.expect_value(copy, slots, 2)

    def test_it_serves_runs(self, tmp_path: Path) -> None:
        """Assets are made, read by others, and up to date afterwards; a partition is made anew."""
        manager, letters = self.make(), StaticPartitions(["a", "b"])
        seen: list[Any] = []

        @asset(partitions=letters, io_manager=manager, code_version="1")
        def stored(context: AssetContext) -> Any:
            return self.value("ab".index(str(context.partition_key)))

        @asset(partitions=letters, ins={"stored": AssetIn(load_as=self.load_as)}, code_version="1")
        def reader(stored: Any) -> None:
            seen.append(stored)

        with Workspace(tmp_path / "workspace") as workspace:
            materialize([stored, reader], workspace=workspace, progress="none")
            for number, found in enumerate(seen):
                wanted = self.value(number)
                expect(self.is_same(wanted, found), _other("An input", wanted, found))
            left = len(plan([stored, reader], workspace=workspace))
            expect(left == 0, f"After a run, {left} steps are still to do; there should be none.")
            workspace.delete(stored, "a")
            steps = [step.partition for step in plan(stored, workspace=workspace).steps]
            expect(steps == ["a"], f"After partition 'a' was deleted, {steps} would be made.")

    def store(self, manager: Any, value: Any, target: Any) -> Any:
        """Write a value as a run does."""
        return manager.write(value, target)

    def read(self, manager: Any, source: Any) -> Any:
        """Read a slot as a run does."""
        return manager.read((source,), self.load_as, None)

    def expect_value(
        self,
        manager: Any,
        slots: Slots,
        number: int,
        *,
        key: str | None = None,
        asset: str = "things",
    ) -> None:
        """Check that a slot has the value of a number."""
        wanted, found = self.value(number), self.read(manager, slots.source(key, asset))
        expect(self.is_same(wanted, found), _other(f"Slot {asset}@{key}", wanted, found))

    def expect_nothing(self, manager: Any, slots: Slots, key: str) -> None:
        """Check that reading a slot raises."""
        try:
            found = self.read(manager, slots.source(key))
        except Exception:  # noqa: BLE001  any error does: the manager knows which fits
            return
        raise AssertionError(
            f"There is nothing in {key}, but read() returned {found!r:.100}. Raise an error."
        )


def _other(what: str, wanted: Any, found: Any) -> str:
    return (
        f"{what} should be {wanted!r:.200}\nbut read() returned {found!r:.200}\nWhat write() got "
        "must come back; where equality is not ==, define is_same(self, one, other)."
    )
