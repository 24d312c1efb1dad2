"""The code of an asset, function by function, and what changed in it since it was built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from textwrap import dedent

from assetkit.definitions.codeversion import CodeVersion
from assetkit.display.quantities import count_text
from assetkit.planning.explain import code_words
from assetkit.planning.plan import Plan
from assetkit.records import AssetKey
from assetkit.web.desk import Desk, Standing, in_project
from assetkit.workspace.sources import find_sources

_MOST_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeText:
    """The source of one function that counts.

    ``state`` is ``"changed"``, ``"new"`` or empty; ``diff`` has pairs of a sign (``"+"``,
    ``"-"``, ``" "`` or ``"@"``) and a line, none where the old text is not kept.
    """

    name: str
    source: str
    text: str
    state: str = ""
    diff: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """All code of an asset. ``changed`` says what is other than when it was built, if anything."""

    changed: str
    texts: Sequence[CodeText]


def code_of(desk: Desk, standing: Standing | None, key: AssetKey) -> Code:
    """Return the code of an asset that the project defines."""
    now = desk.described.code[key]
    version, count = _older(standing.plan, key, now) if standing else ("", 0)
    if standing is None or not count:
        return Code(changed="", texts=list(_texts(now, None, {})))
    then = standing.plan.snapshot.code_parts.get(key, {}).get(version)
    sources = find_sources(desk.core, (then or {}).values())
    words = in_project(code_words(now, then))
    return Code(
        changed=f"Since {count_text(count, 'partition')} of it was built: {words}.",
        texts=sorted(_texts(now, then, sources), key=lambda one: not one.state),
    )


def _older(plan: Plan, key: AssetKey, now: CodeVersion) -> tuple[str, int]:
    """Return the code by which most of what is published was made, other than today's."""
    bases = plan.snapshot.bases
    counts: Counter[str] = Counter()
    for basis, count in Counter(plan.snapshot.columns(key).basis.tolist()).items():
        if basis in bases and bases[basis].code != now.value:
            counts[bases[basis].code] += count
    return counts.most_common(1)[0] if counts else ("", 0)


def _texts(
    now: CodeVersion, then: Mapping[str, str] | None, sources: Mapping[str, str]
) -> Iterator[CodeText]:
    for name, part in now.parts.items():
        old = None if then is None else then.get(name)
        state = _state_of(old, part.hash) if then is not None else ""
        if not part.text:
            continue
        was = sources.get(old or "") if state == "changed" else None
        diff = [] if was is None else list(_diff(was, part.text))
        yield CodeText(
            name=name,
            source=in_project(str(part.source)),
            text=part.text,
            state=state,
            diff=diff,
        )


def _state_of(old: str | None, new: str) -> str:
    if old is None:
        return "new"
    return "" if old == new else "changed"


def _diff(old: str, new: str) -> Iterator[tuple[str, str]]:
    lines = unified_diff(_lines(old), _lines(new), n=3, lineterm="")
    for number, line in enumerate(lines):
        if number == _MOST_LINES:
            yield "@", "the rest is not shown"
            return
        if number > 1:  # the names of files that are none
            yield line[0], line[1:] if line[0] != "@" else ""


def _lines(text: str) -> list[str]:
    return dedent(text).strip("\n").splitlines()
