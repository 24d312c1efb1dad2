"""The workspace: where data and catalog live, and what can be asked of them."""

from assetkit.workspace.facade import Workspace

__all__ = ["Workspace"]
