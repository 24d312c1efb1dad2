"""The command line; `main` is what the installed command calls."""

from assetkit.cli.app import main

__all__ = ["main"]
