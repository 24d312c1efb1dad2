"""Who may ask, and for what: before any page is made.

Rule 1: only browsers that were sent to this very host, or address, and port (DNS rebinding
ends here).
Rule 2: only who knows the token: from the printed address, then by a cookie of this port.
Rule 3: what changes something is a POST from this very page, or carries the token itself.
Rule 4: a page runs no script, shows no style and reaches no place but its own.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
_STRANGER = """<!doctype html><html lang="en"><meta charset="utf-8"><title>assetkit</title>
<h1>This page needs its token</h1>
<p>Open the address that <code>assetkit ui</code> printed: it ends with <code>?token=…</code>.</p>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """An ASGI application in front of another. ``hosts`` are allowed, each with its port."""

    app: App
    token: str
    hosts: frozenset[str]
    port: int
    read_only: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused; pass the rest on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope, _headers(scope))

        async def sealed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS.items()]
            await send(message)

        await (refused or self.app)(scope, receive, sealed)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        host = headers.get("host", "").lower()
        if host not in self.hosts and host != _address(scope):
            return PlainTextResponse("This host is not served here.", 421)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == "token"), None)
        if given is not None and scope["method"] in ("GET", "HEAD"):
            return self._enter(scope, query) if self._is_token(given) else _unknown()
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        is_script = self._is_token(bearer)
        if not (is_script or self._has_cookie(headers)):
            return _unknown()
        if scope["method"] in ("GET", "HEAD"):
            return None
        if self.read_only:
            return PlainTextResponse("This page was started with --read-only.", 403)
        if not (is_script or _is_own(headers, host)):
            return PlainTextResponse("This request does not come from this page.", 403)
        return None

    def _enter(self, scope: Scope, query: list[tuple[str, str]]) -> Response:
        """Send the browser to the clean address, with a cookie."""
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = "/" + quote(scope["path"].lstrip("/"))
        response = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
        response.set_cookie(self._cookie, self._proof, httponly=True, samesite="strict", path="/")
        return response

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _has_cookie(self, headers: dict[str, str]) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._proof.encode())

    @property
    def _cookie(self) -> str:
        # Cookies are shared by all ports of a host.
        return f"assetkit-{self.port}"

    @property
    def _proof(self) -> str:
        return hashlib.sha256(f"cookie:{self.token}".encode()).hexdigest()


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _address(scope: Scope) -> str | None:
    """Return the address that a connection came in on: no name, so nobody can have rebound it."""
    server = scope.get("server")
    if not server or server[1] is None:
        return None
    try:
        found = ipaddress.ip_address(server[0])
    except ValueError:
        return None
    return f"[{found}]:{server[1]}" if found.version == 6 else f"{found}:{server[1]}"


def _is_own(headers: dict[str, str], host: str) -> bool:
    """Return whether a browser says that a request comes from a page of this very origin."""
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] == "same-origin"
    return headers.get("origin") == f"http://{host}"


def _unknown() -> Response:
    return HTMLResponse(_STRANGER, 401)
