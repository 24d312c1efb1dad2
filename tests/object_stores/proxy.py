"""An HTTP proxy before an S3 server, that breaks what a rule says: by a real connection."""

import http.client
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

BUSY = "<Error><Code>{code}</Code><Message>Told to say so</Message><RequestId>1</RequestId></Error>"


@dataclass
class Proxy:
    """Forwards to *target*. ``rule`` is called with (method, path) and says what happens.

    None: nothing special. ``"500 InternalError"``: that is the answer. ``"cut"``: the
    connection ends without an answer. ``"lost"``: the request arrives, its answer does not.
    ``"half"``: the connection ends in the middle of the answer. A number: so many seconds pass.
    """

    target: str
    rule: Any = None
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> Self:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                answer(proxy, self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Say nothing: connections are cut here all the time."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def answer(proxy: Proxy, asked: BaseHTTPRequestHandler) -> None:
    """Answer one request as the rule says."""
    length = int(asked.headers.get("Content-Length") or 0)
    body = asked.rfile.read(length)
    proxy.seen.append((asked.command, asked.path, dict(asked.headers)))
    wish = proxy.rule(asked.command, asked.path) if proxy.rule else None
    if wish == "cut":
        asked.close_connection = True
        return
    if isinstance(wish, str) and wish[:3].isdigit():
        status, _, code = wish.partition(" ")
        reply(asked, int(status), {"Content-Type": "application/xml"}, BUSY.format(code=code))
        return
    if isinstance(wish, int | float):
        time.sleep(wish)
    status, headers, content = forwarded(proxy, asked, body)
    if wish == "lost":
        asked.close_connection = True
    elif wish == "half":
        reply(asked, status, headers, content, part=len(content) // 2)
    else:
        reply(asked, status, headers, content)


def forwarded(proxy: Proxy, asked: BaseHTTPRequestHandler, body: bytes) -> Any:
    """Pass a request on, and return the answer."""
    there = urlsplit(proxy.target)
    line = http.client.HTTPConnection(there.hostname, there.port, timeout=30)
    headers = {k: v for k, v in asked.headers.items() if k.lower() not in ("connection", "expect")}
    line.request(asked.command, asked.path, body, headers)
    found = line.getresponse()
    content = found.read()
    line.close()
    return found.status, dict(found.getheaders()), content


def reply(
    asked: BaseHTTPRequestHandler, status: int, headers: dict, content: Any, part: int | None = None
) -> None:
    content = content.encode() if isinstance(content, str) else content
    asked.send_response_only(status)
    length = headers.get("Content-Length", headers.get("content-length"))
    for name, value in headers.items():
        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
            asked.send_header(name, value)
    own = length if asked.command == "HEAD" and length else str(len(content))
    asked.send_header("Content-Length", own)
    asked.end_headers()
    if asked.command != "HEAD":
        asked.wfile.write(content[:part])
    asked.wfile.flush()
    if part is not None:
        asked.close_connection = True
