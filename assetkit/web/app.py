"""The page: its addresses, each with a twin in JSON, and what may be done from them.

Rule 1: an address holds the whole state of what it shows.
Rule 2: nothing of the project runs here; a process of its own reads (see `reader`).
"""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from assetkit import __version__
from assetkit.web.asked import (
    Arguments,
    number,
    of_asset,
    of_backfill,
    of_lineage,
    of_path,
    of_run,
    of_runs,
)
from assetkit.web.guard import App, Guard
from assetkit.web.launching import Backfill, Launched, Launches
from assetkit.web.live import Pulse
from assetkit.web.reading import Readers, Refusal
from assetkit.web.rendering import asset_url, group_url, run_url, templates

_FORM_LIMIT = 65_536
_BUSY = (503, 504)
_ANSWERS = 8
"""Pages that are kept to be shown while the catalog is busy."""
_VIEWS = 16
"""Pictures of the lineage whose places are remembered."""
_TITLES = {400: "That cannot be done", 404: "Not found", 409: "The world has moved on"}


class Page:
    """The handlers of all addresses."""

    def __init__(self, readers: Readers, *, read_only: bool) -> None:
        self._readers = readers
        self._read_only = read_only
        self._launches = Launches(readers.source)
        self._pulse = Pulse(readers, self._launches)
        self._templates = templates(asset_url, group_url)
        self._places: dict[str, dict[str, float]] = {}
        self._answers: dict[str, tuple[str, Any]] = {}

    def app(self) -> Starlette:
        """Return the application, without its guard."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            beat = asyncio.create_task(self._pulse.beat())
            yield
            beat.cancel()
            with suppress(asyncio.CancelledError):
                await beat
            await asyncio.to_thread(self._readers.stop)

        show = self._show
        looks = [
            ("/", show("board", "board.html", lambda _: {})),
            ("/board", show("board", "board.html", lambda _: {})),
            ("/lineage", self.lineage),
            ("/assets/{asset:path}", show("asset", "asset.html", of_asset)),
            ("/runs", show("runs", "runs.html", of_runs)),
            ("/runs/{run_id}", self.run),
            ("/plan", self.plan),
            ("/backfill", self.backfill),
            ("/plan/{plan_id}", show("kept_plan", "plan.html", of_path("plan_id"))),
        ]
        acts = [
            ("/plan/{plan_id}/launch", self.launch),
            ("/backfill/launch", self.fill),
            ("/runs/{run_id}/cancel", self.cancel),
            ("/runs/{run_id}/retry", self.retry),
            ("/runs/{run_id}/decide", self.decide),
            ("/assets/{asset:path}/hold", self.hold),
            ("/assets/{asset:path}/release", self.release),
        ]
        return Starlette(
            routes=[
                Route("/live", self.live),
                Route("/lineage.svg", self.lineage_picture),
                Route("/runs/{run_id}/log", self.log),
                Route("/version", self.version),
                Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
                *(Route(path, handler, methods=["POST"]) for path, handler in acts),
                *(Route(f"{path}.json", handler) for path, handler in looks if path != "/"),
                *(Route(path, handler) for path, handler in looks),
            ],
            exception_handlers={
                Refusal: self._refused,
                HTTPException: self._http_error,
                Exception: self._refused,
            },
            lifespan=lifespan,
        )

    def _show(
        self, name: str, template: str, arguments: Callable[[Request], Arguments]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            self._begin(request)
            page = await self._look(request, name, **arguments(request))
            return self._rendered(request, template, page)

        return handler

    async def lineage(self, request: Request) -> Response:
        """Show the lineage."""
        self._begin(request)
        return self._rendered(request, "lineage.html", await self._drawn(request))

    async def lineage_picture(self, request: Request) -> Response:
        """Return the picture of the lineage as a file, to download."""
        page = await self._drawn(request)
        svg = self._templates.get_template("lineage.svg").render(page=page)
        name = 'attachment; filename="lineage.svg"'
        headers = {"content-disposition": name, "cache-control": "no-store"}
        return Response(svg, media_type="image/svg+xml", headers=headers)

    async def _drawn(self, request: Request) -> Any:
        """Draw the lineage as it was drawn last for the same question, as far as it can be."""
        asked = of_lineage(request)
        view = json.dumps([asked[name] for name in ("select", "depth", "direction", "group")])
        before = self._places.pop(view, {})
        page = await self._look(request, "lineage", **asked, before=before)
        self._places[view] = {
            node["name"]: node["x"] + node["width"] / 2 if page["direction"] == "tb" else node["y"]
            for node in page["nodes"]
        }
        while len(self._places) > _VIEWS:
            del self._places[next(iter(self._places))]
        return page

    async def plan(self, request: Request) -> Response:
        """Show a plan of what the address asks for, or the form that asks."""
        query = request.query_params
        if "select" not in query:
            return self._rendered(request, "ask.html", {"select": "", "partitions": ""})
        self._begin(request)
        page = await self._ask(
            "make_plan",
            select=query["select"],
            partitions=query.get("partitions") or query.get("p", ""),
            force=query.get("force", "") == "1",
            upstream=query.get("upstream", "1") == "1",
            without=query.getlist("without"),
            keep=not self._read_only,
        )
        return self._rendered(request, "plan.html", page)

    async def launch(self, request: Request) -> Response:
        """Begin exactly the plan that was looked at, or refuse with the difference."""
        plan_id = request.path_params["plan_id"]
        at_once = number((await _form(request)).get("at_once", ""), least=0, most=64)
        if run_id := self._launches.starting(plan_id):
            return _done(request, {"run_id": run_id}, run_url(run_id))
        said = await self._ask("run_of_plan", plan_id=plan_id)
        run_id = await asyncio.to_thread(
            self._launches.plan, said["run_id"], Path(said["file"]), at_once=at_once
        )
        return _done(request, {"run_id": run_id}, run_url(run_id))

    async def run(self, request: Request) -> Response:
        """Show a run, or how it is beginning where it was launched from here."""
        self._begin(request)
        try:
            page = await self._look(request, "run", **of_run(request))
        except Refusal as refusal:
            begun = self._launches.find(request.path_params["run_id"])
            if refusal.status != 404 or begun is None:
                raise
            return self._rendered(request, "starting.html", _starting(begun))
        return self._rendered(request, "run.html", page)

    async def log(self, request: Request) -> Response:
        """Return all that a step said as a file, to download."""
        step = request.query_params.get("step", "")
        text = await self._ask("log_text", run_id=request.path_params["run_id"], step=step)
        named = {"content-disposition": f"attachment; filename*=UTF-8''{quote(step, safe='')}.log"}
        return PlainTextResponse(text, headers={"cache-control": "no-store", **named})

    async def backfill(self, request: Request) -> Response:
        """Show the backfill that the address asks for, or where to ask."""
        if not request.query_params.get("select"):
            return self._rendered(request, "ask.html", {"select": "", "partitions": ""})
        self._begin(request)
        page = await self._ask("backfill", **of_backfill(request.query_params))
        return self._rendered(request, "backfill.html", page)

    async def fill(self, request: Request) -> Response:
        """Begin exactly the backfill that was looked at, or refuse with the difference."""
        form = await _form(request)
        asked = of_backfill(form)
        mark = form.get("mark", "")
        if run_id := self._launches.starting(mark):
            return _done(request, {"run_id": run_id}, run_url(run_id))
        said = await self._ask("backfill_batches", mark=mark, **asked)
        wanted = Backfill(**said, at_once=asked["at_once"], stop_after=asked["stop_after"])
        run_id = await asyncio.to_thread(self._launches.backfill, wanted, mark)
        return _done(request, {"run_id": run_id}, run_url(run_id))

    async def cancel(self, request: Request) -> Response:
        """Ask a run to stop."""
        run_id = request.path_params["run_id"]
        said = await self._ask("cancel", run_id=run_id)
        return _done(request, said, run_url(run_id))

    async def retry(self, request: Request) -> Response:
        """Plan what a run left undone; the plan is looked at before it is launched."""
        said = await self._ask("retry_plan", run_id=request.path_params["run_id"])
        return _done(request, said, f"/plan/{said['plan_id']}")

    async def decide(self, request: Request) -> Response:
        """Approve or reject a step that waits."""
        form = await _form(request)
        run_id = request.path_params["run_id"]
        if form.get("status") not in ("approved", "rejected"):
            raise Refusal("BadRequest", "Say status=approved or status=rejected.", 400)
        said = await self._ask(
            "decide",
            run_id=run_id,
            step=form.get("step", ""),
            status=form["status"],
            note=form.get("note", ""),
        )
        return _done(request, said, run_url(run_id))

    async def hold(self, request: Request) -> Response:
        """Have automation leave an asset alone."""
        asset, form = request.path_params["asset"], await _form(request)
        said = await self._ask("hold", asset=asset, reason=form.get("reason", ""))
        return _done(request, said, asset_url(asset))

    async def release(self, request: Request) -> Response:
        """Let automation go on with an asset."""
        asset = request.path_params["asset"]
        said = await self._ask("release", asset=asset)
        return _done(request, said, asset_url(asset))

    async def version(self, request: Request) -> Response:
        """Return the number that grows with each change, for those without a stream."""
        return JSONResponse({"version": self._pulse.version})

    async def live(self, request: Request) -> Response:
        """Stream that number."""
        last = request.headers.get("last-event-id", request.query_params.get("after", ""))
        after = int(last) if last.isdecimal() and len(last) < 16 else self._pulse.version
        return StreamingResponse(
            self._pulse.stream(after),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )

    def _begin(self, request: Request) -> None:
        """Note what is known before a page is made: a change meanwhile makes it out of date."""
        request.state.version = self._pulse.version

    async def _ask(self, name: str, **arguments: Any) -> Any:
        return await asyncio.to_thread(self._readers.ask, name, **arguments)

    async def _look(self, request: Request, name: str, **arguments: Any) -> Any:
        """Ask for what changes nothing; while nobody can answer, the last answer is shown."""
        asked = json.dumps([name, {**arguments, "before": None}], sort_keys=True)
        try:
            page = await self._ask(name, **arguments)
        except Refusal as refusal:
            if refusal.status not in _BUSY or asked not in self._answers:
                raise
            request.state.busy, page = self._answers[asked]
            return page
        self._answers.pop(asked, None)
        self._answers[asked] = (datetime.now(UTC).isoformat(), page)
        while len(self._answers) > _ANSWERS:
            del self._answers[next(iter(self._answers))]
        return page

    def _rendered(
        self, request: Request, template: str, page: Mapping[str, Any], status: int = 200
    ) -> Response:
        headers = {"cache-control": "no-store"}
        if _wants_json(request):
            schema = template.removesuffix(".html")
            said = {"schema": f"assetkit.ui.{schema}/1", **page}
            return JSONResponse(said, status, headers=headers)
        html = self._templates.get_template(template).render(
            page=page,
            path=request.url.path,
            here=_here(request),
            json_path=_json_path(request),
            query=request.url.query,
            title=self._readers.source.name,
            problem=self._readers.problem,
            read_only=self._read_only,
            busy=getattr(request.state, "busy", ""),
            running=self._pulse.running,
            version=getattr(request.state, "version", self._pulse.version),
        )
        return HTMLResponse(html, status, headers=headers)

    def _refused(self, request: Request, error: Exception) -> Response:
        refusal = (
            error if isinstance(error, Refusal) else Refusal(type(error).__name__, str(error), 500)
        )
        if refusal.kind == "RenamedHere" and request.method == "GET":
            return RedirectResponse(_renamed(request, refusal.near[0]), 302)
        if refusal.status == 404 and (there := _one_partition(request)):
            return RedirectResponse(there, 302)
        title = _TITLES.get(refusal.status, "That went wrong")
        page = {
            "title": title,
            "kind": refusal.kind,
            "message": str(refusal),
            "status": refusal.status,
            "near": list(refusal.near),
            "report": _report(request, refusal),
            "question": _question(request),
        }
        return self._rendered(request, "error.html", page, refusal.status)

    def _http_error(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._refused(
            request, Refusal("NotFound", f"There is no page {request.url.path}.", status)
        )


def guarded(
    readers: Readers, *, token: str, port: int, read_only: bool, hosts: frozenset[str]
) -> App:
    """Return the whole application: the page behind its guard."""
    app = Page(readers, read_only=read_only).app()
    return Guard(app=app, token=token, hosts=hosts, port=port, read_only=read_only)


def _wants_json(request: Request) -> bool:
    path: str = request.url.path
    return path.endswith(".json") or request.headers.get("accept") == "application/json"


def _here(request: Request) -> str:
    query = request.url.query
    return f"{quote(request.url.path)}{'?' if query else ''}{query}"


def _json_path(request: Request) -> str:
    path = quote(request.url.path) if request.url.path != "/" else "/board"
    query = request.url.query
    return f"{path}.json{'?' if query else ''}{query}"


def _report(request: Request, refusal: Refusal) -> str:
    """Return what helps whoever is asked about an error; no secret is in it."""
    asked = f"{request.url.path}?{request.url.query}".removesuffix("?")
    return "\n".join(
        (
            f"assetkit {__version__}, Python {platform.python_version()}",
            f"{request.method} {asked}",
            f"{refusal.status} {refusal.kind}: {refusal}",
        )
    )


def _question(request: Request) -> dict[str, Any] | None:
    """Return what was asked of a plan, to be asked otherwise; None on other pages."""
    query = request.query_params
    if request.url.path not in ("/plan", "/plan.json") or "select" not in query:
        return None
    return {
        "select": query["select"],
        "partitions": query.get("partitions") or query.get("p", ""),
        "force": query.get("force", "") == "1",
        "upstream": query.get("upstream", "1") == "1",
    }


def _renamed(request: Request, key: str) -> str:
    """Return the address that shows the same of an asset under its name of today."""
    query = request.query_params.multi_items()
    path: str = request.url.path
    if "asset" in request.path_params:
        path = f"{asset_url(key)}{'.json' if path.endswith('.json') else ''}"
    else:
        query = [(name, key if name == "select" else value) for name, value in query]
    return f"{path}?{urlencode(query)}" if query else path


def _one_partition(request: Request) -> str:
    """Return where ``/assets/ASSET/p/PARTITION`` leads; "" for all other addresses."""
    asset, found, partition = str(request.path_params.get("asset", "")).partition("/p/")
    if not found or request.method != "GET":
        return ""
    suffix = ".json" if request.url.path.endswith(".json") else ""
    return f"{asset_url(asset)}{suffix}?{urlencode({'p': partition})}"


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_LIMIT:
            raise Refusal("TooLarge", "That is more than a form of this page sends.", 413)
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in fields.items()}


def _starting(begun: Launched) -> Arguments:
    return {"run": {"run_id": begun.run_id, "status": begun.state}, "words": begun.words}


def _done(request: Request, said: Mapping[str, Any], path: str) -> Response:
    if request.headers.get("accept") == "application/json":
        return JSONResponse(said)
    return RedirectResponse(path, 303)
