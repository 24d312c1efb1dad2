"""What an IO manager promises beyond the three methods where it stages: a suite to subclass."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar

from assetkit.io.base import is_staged
from assetkit.testing.io_managers import IOManagerContract
from assetkit.testing.slots import RECORD, Slots, expect

_PUBLISHERS = 4


class StagedIOManagerContract(IOManagerContract):
    """The suite for a `StagedIOManager`; it holds to `IOManagerContract`, too.

    ``turns`` is how often each of several threads publishes in one test.
    """

    turns: ClassVar[int] = 3

    def store(self, manager: Any, value: Any, target: Any) -> Any:
        """Write a value aside, and publish it."""
        return manager.publish(manager.write(value, target), target)

    def test_it_has_all_methods(self) -> None:
        """The workspace stages only with a manager that has all of them."""
        expect(
            is_staged(self.make()), "It lacks methods of assetkit.io.StagedIOManager; see there."
        )

    def test_what_is_staged_is_seen_by_nobody(self, tmp_path: Path) -> None:
        """Before `publish`, and after `discard`, the old value is there."""
        slots, manager = Slots.under(tmp_path), self.make()
        self.store(manager, self.value(1), slots.target())

        written = manager.write(self.value(2), slots.target(run_id="run-2"))
        self.expect_value(manager, slots, 1)
        manager.discard(written)
        manager.discard(written)
        self.expect_value(manager, slots, 1)

    def test_what_was_written_is_told(self, tmp_path: Path) -> None:
        """`publish` and a read tell version and signature of what lies there."""
        slots, manager = Slots.under(tmp_path), self.make()
        written = self.store(manager, self.value(1), slots.target("d1"))

        source = slots.source("d1")
        loaded = manager.read_with_versions([source], self.load_as, None)
        expect(self.is_same(self.value(1), loaded.value), "read_with_versions() read another value")
        _equal(loaded.versions, (written.data_version,), "the versions of what was read")
        _equal(manager.signatures([source]), [written.signature], "the signatures")
        _equal(written.staged, None, "`staged` after publish()")

    def test_the_same_content_is_left_alone(self, tmp_path: Path) -> None:
        """It keeps its version and signature; the new run is noted in its record."""
        slots, manager = Slots.under(tmp_path), self.make()
        first = self.store(manager, self.value(1), slots.target())

        again = slots.target(run_id="run-2", provenance={**RECORD, "code": "c2"})
        second = self.store(manager, self.value(1), again)

        expect(second.unchanged, "publish() says that the same content is another.")
        _equal(second.data_version, first.data_version, "the version of the same content")
        _equal(second.signature, first.signature, "the signature of what was left alone")
        _equal(manager.find(slots.source()).record["code"], "c2", "the record's code")

    def test_other_content_has_another_version(self, tmp_path: Path) -> None:
        """Version and signature change with the content, and back is another record."""
        slots, manager = Slots.under(tmp_path), self.make()
        first = self.store(manager, self.value(1), slots.target())
        second = self.store(manager, self.value(2), slots.target())
        expect(second.data_version != first.data_version, "Other content has the same version.")
        expect(second.signature != first.signature, "Another version has the same signature.")
        expect(not second.unchanged, "publish() says that other content is the same.")

        back = slots.target(provenance={**RECORD, "code": "c3"})
        third = self.store(manager, self.value(1), back)
        _equal(third.data_version, first.data_version, "the version of content that came back")
        _equal(manager.find(slots.source()).record["code"], "c3", "the record's code")

    def test_a_version_that_was_given_is_kept(self, tmp_path: Path) -> None:
        """A data version that the author gave stands for the content."""
        slots, manager = Slots.under(tmp_path), self.make()
        given = "ab" * 16

        target = slots.target(provenance={**RECORD, "data_version": given})
        _equal(self.store(manager, self.value(1), target).data_version, given, "the version")
        loaded = manager.read_with_versions([slots.source()], self.load_as, None)
        _equal(loaded.versions, (given,), "the version that was read")

    def test_the_record_travels_with_the_data(self, tmp_path: Path) -> None:
        """`find` says without a catalog what lies in a place, and that nothing does."""
        slots, manager = Slots.under(tmp_path), self.make()
        said = {**RECORD, "inputs": [["a", None, "f" * 32]], "é": {"n": 1.5}}
        expect(manager.find(slots.source("d1")) is None, "find() found what was never written.")
        written = self.store(manager, self.value(1), slots.target("d1", provenance=said))

        stored = manager.find(slots.source("d1"))
        expect(stored is not None and stored.record is not None, "find() found no record.")
        wanted = {**said, "asset": "things", "partition": {"date": "d1"}, "run_id": "run-1"}
        wanted["data_version"] = written.data_version
        _equal({name: stored.record[name] for name in wanted}, wanted, "the record")
        _equal((stored.rows, stored.bytes), (written.rows, written.bytes), "rows and bytes")
        _equal(stored.signature, written.signature, "the signature")

    def test_all_slots_are_found(self, tmp_path: Path) -> None:
        """Each with its key and record; those of other assets are not among them."""
        slots, manager = Slots.under(tmp_path), self.make()
        for key in ("d2", "d1", "a b%2Fé"):
            self.store(manager, self.value(1), slots.target(key))
        self.store(manager, self.value(1), slots.target(asset="others"))

        found = manager.find_all(slots.place, "things", ["date"])
        keys = sorted(one.source.partition_key for one in found)
        _equal(keys, ["a b%2Fé", "d1", "d2"], "the keys that find_all() found")
        _equal(len(manager.find_all(slots.place, "others", [])), 1, "slots of the other asset")
        _equal(list(manager.find_all(slots.place, "nothing", ["date"])), [], "slots of nothing")

    def test_what_was_deleted_is_not_found(self, tmp_path: Path) -> None:
        """Neither by `find` nor by its signature."""
        slots, manager = Slots.under(tmp_path), self.make()
        self.store(manager, self.value(1), slots.target("d1"))

        manager.delete(slots.target("d1"))

        expect(manager.find(slots.source("d1")) is None, "find() found what was deleted.")
        _equal(list(manager.signatures([slots.source("d1")])), [None], "the signature")

    def test_publishers_do_not_tear_each_other(self, tmp_path: Path) -> None:
        """Whoever is last, one whole value lies there, with its own record."""
        slots, manager = Slots.under(tmp_path), self.make()
        start = threading.Barrier(_PUBLISHERS)
        failed: list[BaseException] = []

        def publish(number: int) -> None:
            start.wait()
            try:
                for turn in range(self.turns):
                    said = {**RECORD, "by": number}
                    slot = slots.target(run_id=f"run-{number}-{turn}", provenance=said)
                    self.store(manager, self.value(number), slot)
            except BaseException as error:  # noqa: BLE001  told below, in the test's own thread
                failed.append(error)

        threads = [threading.Thread(target=publish, args=(one,)) for one in range(_PUBLISHERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        self.expect_value(manager, slots, manager.find(slots.source()).record["by"])


def _equal(found: Any, wanted: Any, what: str) -> None:
    expect(found == wanted, f"{what}: {found!r:.300}, should be {wanted!r:.300}")
