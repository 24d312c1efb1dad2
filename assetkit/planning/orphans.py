"""Published slots that the definitions have no place for any more, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assetkit.display.quantities import count_text
from assetkit.planning.model import AssetPlan
from assetkit.planning.state import CatalogState
from assetkit.records import AssetKey

_NAMED = 3


def orphan_notes(state: CatalogState, parts: Sequence[AssetPlan]) -> Iterator[str]:
    """Yield a sentence for each asset of a plan that has orphans."""
    for part in parts:
        texts = state.orphans.get(part.asset)
        if texts:
            yield orphan_note(part.asset, texts)


def orphan_note(asset: AssetKey, texts: Sequence[str]) -> str:
    """Say which slots are orphans, and what to do about them.

    >>> orphan_note("sales", ["mx"])[:60]
    '1 published partition of sales is not in its definition any '
    """
    verb = "is" if len(texts) == 1 else "are"
    return (
        f"{count_text(len(texts), 'published partition')} of {asset} {verb} not in its definition "
        f"any more: {_named(texts)}. Nothing reads them and nothing is lost; "
        f"delete them with: assetkit delete '{asset}@orphans'"
    )


def _named(texts: Sequence[str]) -> str:
    shown = ", ".join(text or "(the one without a key)" for text in texts[:_NAMED])
    more = len(texts) - _NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown
