"""What a workspace can do as a branch of another one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assetkit.workspace.core import Core

if TYPE_CHECKING:
    import pandas as pd


class Branch:
    """The calls that compare a branch with its base, and publish there."""

    core: Core

    @property
    def base(self) -> str | None:
        """Where the workspace is that this one is a branch of: a local path or a URL, or None."""
        return None if self.core.base is None else self.core.base.root

    def diff(self, asset: Any = None, partitions: Any = None) -> pd.DataFrame:
        """Compare what this branch has made itself with its base, a row for each partition.

        ``change`` is ``added``, ``changed`` or ``same``. ``added`` and ``removed`` count
        the rows that only the branch or only the base has, by the columns that both
        have; ``columns`` says how the columns differ. ``base_moved``: the base has
        changed it since. *asset* None: all of them.

        Raises:
            PlanError: this workspace is no branch.
        """
        frame: pd.DataFrame = import_module("assetkit.workspace.comparing").diff(
            self.core, asset, partitions
        )
        return frame

    def promote(self, asset: Any = None, partitions: Any = None, *, overwrite: bool = False) -> int:
        """Publish in the base what this branch has made itself; return how many partitions.

        Each is published at once or not at all, upstreams first, and leaves the branch
        then; broken off, it goes on where it was. *asset*: one, a list, or None for all.

        Raises:
            BaseMoved: the base has other data since; nothing was published. *overwrite*
                replaces it.
            StorageError: a run is building one of the partitions in the base.
            PlanError: this workspace is no branch.
        """
        promoting = import_module("assetkit.workspace.promoting")
        count: int = promoting.promote(self.core, asset, partitions, overwrite=overwrite)
        return count
