"""What a page is opened on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A workspace, and the project (``module``, looked up in ``folder``) where one is named.

    ``catalog`` is the workspace's own file.
    """

    module: str | None
    folder: str
    root: str
    base: str | None
    catalog: str

    @property
    def name(self) -> str:
        """How the project is called for people."""
        return self.module or Path(self.root).name

    def arguments(self) -> list[str]:
        """Return the options of ``assetkit`` that mean the same."""
        words = ["--workspace", self.root]
        words += ["-m", self.module] if self.module else []
        return [*words, "--base", self.base] if self.base else words

    def text(self) -> str:
        """Return it as text for `read`."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what `text` wrote."""
        return cls(**json.loads(text))
