"""An asset's definition as a notebook view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assetkit.definitions.asset import AssetDef
from assetkit.display.html import Html, element, html_table, view
from assetkit.display.quantities import duration_text


def asset_facts(asset: AssetDef) -> Iterator[tuple[str, str]]:
    """Yield what was declared of an asset, by name, leaving out what was not."""
    facts = (
        ("group", asset.group),
        ("kind", "" if asset.kind == "python" else asset.kind),
        ("partitions", asset.partitions),
        ("inputs", ", ".join(_input_name(declared.upstream) for declared in asset.inputs)),
        ("made with", ", ".join(_made_with(asset))),
        ("owners", ", ".join(asset.owners)),
        ("tags", ", ".join(f"{k}={v}" if v else k for k, v in asset.tags.items())),
        ("stored by", asset.io_manager),
        ("checks", ", ".join(_name(check) for check in asset.checks)),
        ("new columns", "refused" if asset.on_schema_change == "fail" else None),
        ("freshness", asset.freshness),
        ("automation", asset.automation),
        ("retry", asset.retry),
        ("timeout", None if asset.timeout is None else duration_text(asset.timeout)),
        ("pool", asset.pool),
        ("code version", asset.code_version),
        ("rebuildable", None if asset.rebuildable else "no"),
        ("approval", "needed before each step" if asset.requires_approval else None),
        ("defined at", asset.source),
    )
    for name, value in facts:
        if value is not None and str(value):
            yield name, str(value)


def asset_html(asset: AssetDef) -> Html:
    """Return the notebook view of an asset."""
    rows = [(name, element("span", text, class_="key")) for name, text in asset_facts(asset)]
    return view(
        element("p", f"Asset {asset.key}", class_="head"),
        *(element("p", part) for part in asset.description.strip().split("\n\n") if part),
        html_table((), rows),
    )


def _made_with(asset: AssetDef) -> Iterator[str]:
    """Yield the other assets that the same function makes."""
    outputs = {} if asset.together is None else asset.together.outputs
    return (key for key in outputs.values() if key != asset.key)


def _input_name(upstream: Any) -> str:
    return str(getattr(upstream, "key", upstream))


def _name(check: Any) -> str:
    return str(getattr(check, "name", None) or getattr(check, "__name__", check))
