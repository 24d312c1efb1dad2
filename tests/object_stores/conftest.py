"""A real S3 server process, buckets in it, and a proxy between it and those who ask."""

import itertools
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from assetkit import Workspace

DEADLY = ("store.begun", "store.part", "store.put", "catalog.committing")
"""The fault points of a run in a bucket; those of the catalog alone have tests in tests/faults."""

KEY, SECRET = "AKIAEXAMPLEKEY", "very/secret+key"
_names = itertools.count()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="session")
def server():
    """Return the URL of an S3 server that lives as long as the tests."""
    pytest.importorskip("s3fs")
    pytest.importorskip("moto.server")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
            break
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < end, "the S3 server did not start"
            assert process.poll() is None, "the S3 server ended"
            time.sleep(0.05)
    yield url
    process.terminate()
    process.wait()


@pytest.fixture
def s3(server, monkeypatch):
    """Return a plain client of the server, whose address and keys are in the environment."""
    import s3fs

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    return s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)


@pytest.fixture
def bucket(s3):
    """Return the name of an empty bucket."""
    name = f"bucket{os.getpid()}-{next(_names)}"
    s3.mkdir(name)
    return name


@pytest.fixture
def lake(bucket):
    """Return a workspace in a bucket."""
    with Workspace(f"s3://{bucket}/lake") as workspace:
        yield workspace
