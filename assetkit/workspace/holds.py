"""Assets that automation leaves alone because somebody said so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from assetkit.catalog.automation import HOLD, AutomationState
from assetkit.display.quantities import moment_text
from assetkit.records import AssetKey
from assetkit.workspace.core import Core

_HELD, _RELEASED = "held", "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """That an asset is left alone: since when, and why (empty: nobody said)."""

    asset: AssetKey
    since: datetime
    reason: str = ""

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"held by hand since {moment_text(self.since)}{why} (assetkit release {self.asset})"


def holds_of(core: Core) -> Mapping[AssetKey, Hold]:
    """Return what is held, by asset."""
    return holds_in(core.catalog.automation.states(prefix=HOLD))


def holds_in(states: Iterable[AutomationState]) -> Mapping[AssetKey, Hold]:
    """Return the assets that are held, by key, as the states of their holds tell."""
    found = {}
    for state in states:
        if state.outcome == _HELD:
            asset = state.name.removeprefix(HOLD)
            found[asset] = Hold(asset=asset, since=state.since, reason=state.message)
    return found


def hold(core: Core, assets: Iterable[AssetKey], reason: str = "") -> list[AssetKey]:
    """Have automation leave assets alone; return those that it did not leave alone before."""
    held, now = holds_of(core), core.now()
    wanted = list(dict.fromkeys(assets))
    states = [
        _state(asset, _HELD, held[asset].since if asset in held else now, reason)
        for asset in wanted
        if asset not in held or held[asset].reason != reason
    ]
    if states:
        core.announce()
        core.catalog.automation.note((), states)
    return [asset for asset in wanted if asset not in held]


def release(core: Core, assets: Iterable[AssetKey]) -> list[AssetKey]:
    """Let automation go on with assets; return those that were held."""
    held = holds_of(core)
    freed = [asset for asset in dict.fromkeys(assets) if asset in held]
    if freed:
        now = core.now()
        core.catalog.automation.note((), [_state(asset, _RELEASED, now, "") for asset in freed])
    return freed


def _state(asset: AssetKey, outcome: str, since: datetime, reason: str) -> AutomationState:
    return AutomationState(name=f"{HOLD}{asset}", since=since, outcome=outcome, message=reason)
