"""Serve the page on this machine, until told to stop."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from assetkit.errors import InvalidArgument, MissingExtra
from assetkit.web.reading import Readers
from assetkit.web.source import Source
from assetkit.workspace.locate import lay_out

DEFAULT_PORT = 4747
_PLAIN_PORT = 80
_TRIED = 20
_PACKAGES = ("uvicorn", "starlette", "jinja2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the page is served. ``port`` None: 4747, or the next that is free; 0: any.

    ``token`` None: a random one.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    token: str | None = None
    read_only: bool = False
    allow_remote: bool = False


def serve(source: Source, wishes: Wishes, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; *announce* is told the address, with its token, once it answers.

    Raises:
        InvalidArgument: others could reach the host, and that is not allowed.
        MissingExtra: the packages of the page are not installed.
    """
    for name in _PACKAGES:
        if find_spec(name) is None:
            raise MissingExtra(name, extra="ui", purpose="The page")
    if not (wishes.allow_remote or _is_loopback(wishes.host)):
        raise InvalidArgument(
            f"--host {wishes.host} would let other machines in, over plain HTTP. "
            "Say --allow-remote as well if that is meant; better, keep to 127.0.0.1 and use an "
            "SSH tunnel."
        )
    listening = _listen(wishes)
    # The project loads in its process while what serves it loads in this one.
    readers = Readers(source)
    try:
        _serve(readers, wishes, listening, announce)
    finally:
        readers.stop()


def _serve(
    readers: Readers, wishes: Wishes, listening: socket.socket, announce: Callable[[str], None]
) -> None:
    uvicorn, app = import_module("uvicorn"), import_module("assetkit.web.app")
    port = listening.getsockname()[1]
    token = wishes.token or secrets.token_urlsafe(32)
    guarded = app.guarded(
        readers,
        token=token,
        port=port,
        read_only=wishes.read_only,
        hosts=_hosts(wishes.host, port),
    )
    config = uvicorn.Config(
        guarded,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    announce(f"http://{_in_address(wishes.host)}:{port}/?token={token}")
    uvicorn.Server(config).run(sockets=[listening])


def source_of(*, module: str | None, folder: Path, root: str, base: str | None) -> Source:
    """Return what a page is opened on; *module* is looked up in *folder*."""
    rooms = lay_out(root, folder)
    return Source(
        module=module, folder=str(folder), root=rooms.root, base=base, catalog=str(rooms.catalog)
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hosts(host: str, port: int) -> frozenset[str]:
    names = {"127.0.0.1", "localhost", "[::1]", _in_address(host)}
    allowed = {f"{name}:{port}" for name in names}
    # Browsers leave out the port that every address has without saying so.
    return frozenset(allowed | names if port == _PLAIN_PORT else allowed)


def _in_address(host: str) -> str:
    """Return a host as it stands in addresses; of all interfaces, the name of this machine."""
    if host in ("0.0.0.0", "::"):  # noqa: S104  only with --allow-remote
        return socket.gethostname().lower()
    return f"[{host}]" if ":" in host else host.lower()


def _listen(wishes: Wishes) -> socket.socket:
    ports = [wishes.port] if wishes.port is not None else range(DEFAULT_PORT, DEFAULT_PORT + _TRIED)
    family = socket.AF_INET6 if ":" in wishes.host else socket.AF_INET
    problem = ""
    for port in ports:
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((wishes.host, port))
        except OSError as error:
            made.close()
            problem = f"{wishes.host}:{port} cannot be listened on: {error.strerror}."
            continue
        made.listen(100)
        return made
    raise InvalidArgument(f"{problem} Give another with --port, or --port 0 for any that is free.")
