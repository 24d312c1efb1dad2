"""Run the command line as ``python -m assetkit``."""

from assetkit.cli import main

main()
