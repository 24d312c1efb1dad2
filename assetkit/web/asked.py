"""What an address or a form asks for, as arguments. What makes no sense counts as not said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request

Arguments: TypeAlias = dict[str, Any]
_MOST_DEPTH = 20


def of_lineage(request: Request) -> Arguments:
    """Return what is asked of the lineage."""
    query = request.query_params
    depth = query.get("depth", "2")
    return {
        "select": query.get("select", ""),
        "depth": min(int(depth), _MOST_DEPTH) if depth.isdecimal() else 2,
        "group": [*query.getlist("group"), *query.getlist("collapse")],
        "overlay": query.get("overlay", "state"),
        "direction": query.get("dir", "lr"),
    }


def of_backfill(given: Mapping[str, str]) -> Arguments:
    """Return what is asked of a backfill, by an address or by a form."""
    return {
        "select": given.get("select", ""),
        "partitions": given.get("partitions") or given.get("p", ""),
        "only": given.get("only") or "not fresh",
        "newest": given.get("newest", "") == "1",
        "size": number(given.get("size", ""), least=0, most=1_000_000),
        "at_once": number(given.get("at_once", ""), least=1, most=64),
        "stop_after": number(given.get("stop_after", ""), least=0, most=1_000),
        "along": given.get("along", ""),
    }


def number(text: str, *, least: int, most: int) -> int:
    """Return a whole number within limits; the least for what is none.

    >>> number("7", least=1, most=5), number("-7", least=1, most=5)
    (5, 1)
    """
    return min(most, max(least, int(text))) if text.isdecimal() and len(text) < 10 else least


def of_asset(request: Request) -> Arguments:
    """Return what is asked of an asset."""
    names, query = ("p", "across", "down", "within"), request.query_params
    chosen = {name: query[name] for name in names if name in query}
    return {"asset": request.path_params["asset"], "fixed": query.getlist("fixed"), **chosen}


def of_runs(request: Request) -> Arguments:
    """Return which runs are asked for."""
    return {name: request.query_params.get(name, "") for name in ("status", "since", "lanes")}


def of_run(request: Request) -> Arguments:
    """Return what is asked of a run."""
    names, query = ("step", "level", "find", "asset", "event"), request.query_params
    said: Arguments = {name: query[name] for name in names if name in query}
    attempt = number(query.get("attempt", ""), least=0, most=1_000)
    return {**of_path("run_id")(request), **said, "attempt": attempt}


def of_path(name: str) -> Callable[[Request], Arguments]:
    """Return what reads one part of the path."""
    return lambda request: {name: request.path_params[name]}
