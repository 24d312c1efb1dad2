"""Lineage and catalogue as files, to publish where no server of ours runs.

Rule 1: pages link to one another and to their style by relative names; they ask nobody else.
Rule 2: what the data says stays at home: no rows, no least and greatest values, no messages
of errors, no reasons. Names, types, descriptions, code and how it all stands are told.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assetkit.errors import InvalidArgument
from assetkit.project import Definitions
from assetkit.records import AssetKey
from assetkit.web.assets import AssetPage, asset_page
from assetkit.web.codetext import Code
from assetkit.web.desk import Desk
from assetkit.web.lineage import LineagePage, group_of, lineage_around, lineage_page
from assetkit.web.plainvalues import plain
from assetkit.web.rendering import templates
from assetkit.workspace import Workspace

CATALOGUE = "catalogue.json"
"""What all is in an export, as JSON; it also tells that a folder is one."""
_STYLE = Path(__file__).parent / "static" / "style.css"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    folder: Path
    assets: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What stands on every page: of which project, and as of when."""

    title: str
    as_of: datetime
    home: Path

    def place(self, source: str) -> str:
        """Return where code lies without the folders of this machine."""
        path = Path(source)
        if not path.is_absolute():
            return source  # told from the folder of the project already
        inside = path.is_relative_to(self.home)
        return path.relative_to(self.home).as_posix() if inside else path.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One asset in the catalogue; ``file`` is its page."""

    asset: AssetKey
    file: str
    group: str
    kind: str
    description: str
    owners: Sequence[str]
    state: str
    sentence: str
    columns: Sequence[tuple[str, str]]
    upstream: Sequence[AssetKey]
    downstream: Sequence[AssetKey]
    built_at: datetime | None


def export_project(
    definitions: Definitions, workspace: Workspace, folder: Path, *, title: str, home: Path
) -> Exported:
    """Write the catalogue and the lineage of a project into *folder*, which is made.

    Where code lies is told from *home*, the folder of the project; of other code, only
    the name of its file.
    What an earlier export left there is replaced.
    Raises `InvalidArgument` where the folder has other things in it.
    """
    desk = Desk(workspace, definitions)
    graph = desk.known_graph
    _clear(folder)
    groups = sorted({group_of(graph, key) for key in graph.assets})
    book = _Book(folder, groups, Heading(title=title, as_of=desk.now(), home=home))
    listed = [_asset(desk, book, key) for key in graph.assets]
    book.write("index.html", "export_index.html", {"assets": listed, "groups": groups})
    book.write("lineage.html", "export_lineage.html", plain(lineage_page(desk)))
    shutil.copyfile(_STYLE, folder / "style.css")
    said = {"schema": "assetkit.ui.export/1", "title": title, "as_of": desk.now(), "assets": listed}
    text = json.dumps(plain(said), indent=1)
    (folder / CATALOGUE).write_text(text, encoding="utf-8")
    return Exported(folder=folder, assets=len(listed), files=len(listed) + 4)


def file_of(key: AssetKey) -> str:
    """Return the file of an asset's page. Keys differ by more than case, so files do.

    >>> file_of("sales/orders")
    'asset.sales.orders.html'
    """
    return f"asset.{key.replace('/', '.')}.html"


class _Book:
    """The folder that is written, and how its pages are made."""

    def __init__(self, folder: Path, groups: Sequence[str], heading: Heading) -> None:
        self._folder, self.heading = folder, heading
        places = {group: f"index.html#group-{at}" for at, group in enumerate(groups, start=1)}
        self._templates = templates(file_of, places.__getitem__)

    def write(self, file: str, template: str, page: Mapping[str, Any]) -> None:
        """Write one page."""
        html = self._templates.get_template(template).render(
            page=page, file=file, title=self.heading.title, as_of=self.heading.as_of.isoformat()
        )
        (self._folder / file).write_text(html, encoding="utf-8")


def _asset(desk: Desk, book: _Book, key: AssetKey) -> dict[str, Any]:
    """Write the page of an asset; return its line of the catalogue."""
    page, around = asset_page(desk, asset=key), lineage_around(desk, [key], depth=1)
    place = book.heading.place
    texts = [replace(one, source=place(one.source)) for one in page.code.texts] if page.code else ()
    # What changed since something was built says where: that is told on the page alone.
    page = replace(page, source=place(page.source), code=Code(changed="", texts=texts))
    book.write(file_of(key), "export_asset.html", {**plain(page), "around": plain(around)})
    line: dict[str, Any] = plain(_line(desk, page, around))
    return line


def _line(desk: Desk, page: AssetPage, around: LineagePage) -> Listed:
    data = page.data
    return Listed(
        asset=page.asset,
        file=file_of(page.asset),
        group=group_of(desk.known_graph, page.asset),
        kind=page.kind,
        description=page.description,
        owners=page.owners,
        state=next(one.state for one in around.nodes if one.asset == page.asset),
        sentence=page.sentence,
        columns=[(one.name, one.type) for one in data.columns] if data else [],
        upstream=[one.asset for one in page.upstream],
        downstream=[one.asset for one in page.downstream],
        built_at=page.builds[0].at if page.builds else None,
    )


def _clear(folder: Path) -> None:
    """Make the folder, and remove the pages of assets that an earlier export wrote there."""
    if folder.exists() and not folder.is_dir():
        raise InvalidArgument(f"{folder} is a file. Name a folder to write into.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / CATALOGUE).is_file():
        raise InvalidArgument(
            f"{folder} has things in it that no export wrote. Name a new or an empty folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    # Said first, so that the folder counts as an export even where writing it is interrupted.
    (folder / CATALOGUE).write_text("{}", encoding="utf-8")
    for old in folder.glob("asset.*.html"):
        old.unlink()
