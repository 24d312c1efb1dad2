"""Processes of Python that are warm from the start.

A fresh Python that loads pandas, pyarrow, duckdb and assetkit works for one to two seconds
before it does anything, and tests need a hundred of them. Here one process loads them, once,
and starts no engine; each program is a fork of it. It is a real process, with its own id,
streams, folder and variables, and can be killed; only its imports are done already.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from select import select
from types import ModuleType
from typing import IO, Any

PROJECT = Path(__file__).parents[1]
HEAVY = ("duckdb", "pandas", "pyarrow.dataset", "pyarrow.parquet", "click", "rich.console")
LEFT_OUT = {
    "__main__", "dask", "delta", "frame_models", "frames_polars", "iceberg", "notifying",
    "object_store_s3", "ray", "web",
}  # fmt: skip
"""Modules and folders of assetkit that load what few programs need, or that start threads."""

# --------------------------------------------------------------------------- in the tests' process


class Process:
    """A program under way: what tests need of `subprocess.Popen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        stdin: IO[Any] | int = subprocess.DEVNULL,
        stdout: IO[Any] | int = 1,
        stderr: IO[Any] | int = 2,
        cwd: Path | str = ".",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start ``python ARGUMENTS``; without other streams it writes where this process does.

        A stream given as `subprocess.PIPE` is an attribute here, as text.
        """
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = None, None, None
        self._news, theirs = os.pipe()
        wish = [list(arguments), str(Path(cwd).resolve()), dict(os.environ if env is None else env)]
        with tempfile.TemporaryFile() as note, Path(os.devnull).open() as nothing:
            note.write(json.dumps(wish).encode())
            note.seek(0)
            given = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
            if stdin == subprocess.DEVNULL:
                given["stdin"] = nothing
            handles = [self._handle(name, one) for name, one in given.items()]
            socket.send_fds(_forker(), [b"!"], [note.fileno(), theirs, *handles])
        os.close(theirs)
        for (_, one), handle in zip(given.items(), handles, strict=True):
            if one == subprocess.PIPE:
                os.close(handle)
        self.pid = self._hear()

    def _handle(self, name: str, stream: IO[Any] | int) -> int:
        """Return the handle that the program gets; of a pipe, keep the other end."""
        if stream != subprocess.PIPE:
            return stream if isinstance(stream, int) else stream.fileno()
        reading, writing = os.pipe()
        theirs, ours, mode = (reading, writing, "w") if name == "stdin" else (writing, reading, "r")
        setattr(self, name, os.fdopen(ours, mode, encoding="utf-8"))
        return theirs

    def communicate(self, timeout: float = 300.0) -> tuple[str, str]:
        """End its input, and return what it prints until it ends."""
        if self.stdin:
            self.stdin.close()
        with ThreadPoolExecutor(2) as readers:
            streams = [one for one in (self.stdout, self.stderr) if one and not one.closed]
            said = dict(zip(streams, readers.map(lambda one: one.read(), streams), strict=True))
            self.wait(timeout)
        for one in streams:
            one.close()
        return said.get(self.stdout, ""), said.get(self.stderr, "")

    def wait(self, timeout: float = 300.0) -> int:
        """Return the exit code, or minus the signal that killed it."""
        if self.returncode is None:
            if not select([self._news], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a program", timeout)
            self.returncode = self._hear()
            os.close(self._news)
        return self.returncode

    def poll(self) -> int | None:
        """Return how it ended, None as long as it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _hear(self) -> int:
        """Return the next number that its keeper tells: its id, then how it ended."""
        said = os.read(self._news, 4)
        assert len(said) == 4, "the process that forks is gone"
        return int.from_bytes(said, "big", signed=True)


def run(
    arguments: Sequence[str], *, timeout: float = 300.0, **surroundings: Any
) -> "subprocess.CompletedProcess[str]":
    """Run ``python ARGUMENTS`` to its end, and return what it printed; *cwd*, *env* as above."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = Process(arguments, stdout=out, stderr=err, **surroundings)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        said = out.read().decode(), err.read().decode()
        return subprocess.CompletedProcess(arguments, code, *said)


@cache
def _forker() -> socket.socket:
    """Start the process that forks; it ends with this one."""
    ours, theirs = socket.socketpair()
    # One thread only: what forks while another thread holds a lock hands on that lock for ever.
    alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    forker = subprocess.Popen(
        [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
        cwd=PROJECT, env=os.environ | alone, pass_fds=[theirs.fileno()],
    )  # fmt: skip
    theirs.close()
    atexit.register(forker.wait)
    atexit.register(ours.close)
    return ours


# ------------------------------------------------------------------------ in the process that forks


def load() -> None:
    """Load all that programs of tests are likely to load."""
    for name in HEAVY:
        import_module(name)
    for found in walk_packages([str(PROJECT / "assetkit")], "assetkit."):
        if not LEFT_OUT & set(found.name.split(".")):
            import_module(found.name)


def serve(requests: socket.socket) -> list[str]:
    """Fork for each request; return a program's arguments in its process, none at the end."""
    while True:
        asked, handles, _, _ = socket.recv_fds(requests, 1, 5)
        if asked and not os.fork():
            requests.close()
            return keep(*handles)
        for handle in handles:
            os.close(handle)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if asked else 0)[0]:
                pass
        if not asked:
            return []


def keep(note: int, news: int, *streams: int) -> list[str]:
    """Fork the program, and tell its id and how it ended; return its arguments in its process."""
    if child := os.fork():
        for number in (child, None):
            told = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if number is None else number
            os.write(news, told.to_bytes(4, "big", signed=True))
        os._exit(0)
    os.close(news)
    with open(note, encoding="utf-8") as file:
        arguments, folder, environ = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    return arguments


def become(arguments: Sequence[str]) -> int:
    """Do what ``python ARGUMENTS`` does: a module, a line of code or a script; return its code."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        stream = os.fdopen(number, mode, buffering=1, encoding="utf-8", closefd=False)
        setattr(sys, name, stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, below jobs of a shell
    import_module("assetkit.faultpoints").arm(os.environ.get("ASSETKIT_FAULT", ""))
    try:
        _execute(*arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  whatever it is, Python would print it
        traceback.print_exc()
        return 1
    return 0


def _execute(kind: str, *rest: str) -> None:
    if kind == "-m":
        sys.argv = list(rest)
        sys.path[0] = str(Path.cwd())
        sys.path.append(str(PROJECT))
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[0] = ""
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), vars(main))
    else:
        sys.argv = [kind, *rest]
        sys.path[0] = str(Path(kind).resolve().parent)
        runpy.run_path(kind, run_name="__main__")


def leave(codes: Sequence[int]) -> None:
    """End a program at once: to take all modules apart would cost more than most programs do."""
    for code in codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Load, and fork for who asks."""
    codes: list[int] = []
    atexit.register(leave, codes)  # the first to be registered is the last to be called
    load()
    gc.freeze()  # no child copies the pages of what it will not change
    program = serve(socket.socket(fileno=int(sys.argv[1])))
    codes.append(become(program) if program else 0)


if __name__ == "__main__":
    main()
