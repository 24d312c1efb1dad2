"""Any Python object as a pickle; read only where the record beside it vouches for it."""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

import cloudpickle

from assetkit.errors import InputError, OutputError
from assetkit.io.sidecar import SidecarFiles


class PickleIOManager(SidecarFiles):
    """Store any object, e.g. a fitted model. A pickle may run code when it is read.

    Only files that this manager wrote itself are read; what differs from its
    record is refused. Whoever can write both can run code.
    """

    filename: ClassVar[str] = "value.pickle"
    known_as: ClassVar[str] = "pickle"

    def dump(self, value: Any, where: str) -> bytes:
        """Return a pickle; what plain pickle cannot name (lambdas, notebook classes) by value."""
        try:
            if type(value).__module__ != "__main__":
                return pickle.dumps(value, protocol=5)
        except Exception:  # noqa: BLE001, S110, a __reduce__ may raise anything; there is another way
            pass
        try:
            content: bytes = cloudpickle.dumps(value, protocol=5)
        except Exception as error:
            raise OutputError(
                f"{where} is a {type(value).__name__} that cannot be pickled: {error}. "
                "Return what it is made of, or give the asset another io_manager."
            ) from error
        return content

    def restore(self, content: bytes, where: str) -> Any:
        """Return the object; `InputError` where its class is not there any more."""
        try:
            return pickle.loads(content)  # noqa: S301, vouched for by its record
        except Exception as error:
            raise InputError(
                f"{where} cannot be loaded from its pickle: {type(error).__name__}: {error}. "
                f"Was a class moved or a package removed? Bring it back, or materialize it again: "
                f"assetkit materialize {where}"
            ) from error
