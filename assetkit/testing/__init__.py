"""Suites that a part of your own can be held to; they run under pytest, and need it nowhere.

>>> from assetkit.testing import IOManagerContract
>>> from assetkit.io import JSONIOManager
>>> class TestJSON(IOManagerContract):
...     def make(self):
...         return JSONIOManager()
...
...     def value(self, number):
...         return {"n": number}
"""

from __future__ import annotations

from assetkit.testing.io_managers import IOManagerContract
from assetkit.testing.staged import StagedIOManagerContract

__all__ = ["IOManagerContract", "StagedIOManagerContract"]
