"""Closing prices as a vendor sends them, session by session, and what is made of them."""

from assetkit import Definitions
from trading import ledger, prices

definitions = Definitions.from_modules(prices, ledger)
"""All assets of the project."""
