"""A store that is busy, slow, cut off, or changed by others meanwhile: nothing is lost or torn."""

import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from assetkit import MaterializationError, Workspace, asset, materialize, plan
from assetkit.errors import StorageError
from assetkit.io.base import Place
from assetkit.io.object_store import Upload, open_store
from tests.object_stores.conftest import DEADLY, KEY, SECRET
from tests.object_stores.proxy import Proxy

PROJECT = Path(__file__).parents[2]
QUICK = {"config_kwargs": {"retries": {"max_attempts": 1}, "read_timeout": 1}}
FILE = "lake/data/table/part.parquet"


@asset
def table() -> pd.DataFrame:
    return pd.DataFrame({"x": [EDITION[0]] * 1000})


@asset
def big() -> pa.Table:
    chance = np.random.default_rng(EDITION[0])
    return pa.table({name: chance.random(500_000) for name in "ab"})


EDITION = [1]


@pytest.fixture(autouse=True)
def first_edition():
    EDITION[0] = 1


@pytest.fixture
def proxy(server, bucket, monkeypatch):
    """Return a proxy that all but the plain client asks through."""
    with Proxy(server) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


@pytest.fixture
def far(proxy, bucket):
    """Return a workspace behind the proxy."""
    return Workspace(f"s3://{bucket}/lake", storage_options=QUICK)


def times(count, wish, *methods):
    """Return a rule that breaks the first requests of some methods for data."""
    left = [count]

    def rule(method, path):
        if method in methods and "/data/" in path and left[0]:
            left[0] -= 1
            return wish
        return None

    return rule


@pytest.mark.parametrize(
    ("wish", "method"),
    [
        ("503 SlowDown", "PUT"),
        ("409 ConditionalRequestConflict", "PUT"),
        ("lost", "PUT"),
        (1.5, "PUT"),
        ("500 InternalError", "GET"),
        ("half", "GET"),
        ("cut", "GET"),
    ],
)
def test_a_fault_that_passes_is_waited_for(proxy, far, bucket, s3, wish, method):
    """Busy, slow, or cut off before, amid or after: tried again, and there once."""
    proxy.rule = times(2, wish, method)

    result = materialize(table, workspace=far, progress="none")

    assert result.materialized == [("table", None)]
    assert far.load("table").x.sum() == 1000
    assert len(plan(table, workspace=far)) == 0
    assert len(far.history("table")) == 1


def test_a_fault_that_stays_is_told(proxy, far, s3, bucket):
    """The step fails with the slot, the URL and what the store said; what was there stays."""
    materialize(table, workspace=far, progress="none")
    before = s3.cat_file(f"{bucket}/{FILE}")
    EDITION[0] = 2
    proxy.rule = times(1000, "503 SlowDown", "PUT")

    with pytest.raises(MaterializationError, match=rf"publish table at s3://{bucket}/lake") as told:
        materialize(table, workspace=far, force=True, progress="none")

    assert "Told to say so" in str(told.value)
    assert s3.cat_file(f"{bucket}/{FILE}") == before
    proxy.rule = None
    materialize(table, workspace=far, force=True, progress="none")
    assert far.load("table").x[0] == 2


def test_no_answer_is_no_failure(proxy, far, bucket, s3):
    """What arrived though its answers were lost is a success, and is there once."""
    proxy.rule = times(1000, "lost", "PUT")

    materialize(table, workspace=far, progress="none")

    assert far.load("table").x.sum() == 1000
    assert far.history("table").shape[0] == 1


def test_every_put_of_data_has_its_condition(proxy, far):
    """The conditions are on the wire: s3fs drops silently what it does not know."""
    for EDITION[0] in (1, 2):
        materialize(table, workspace=far, force=True, progress="none")

    puts = [headers for method, path, headers in proxy.seen if method == "PUT" and "/data/" in path]
    assert [one.get("If-None-Match") for one in puts] == ["*", None]
    assert [bool(one.get("If-Match")) for one in puts] == [False, True]


@pytest.fixture
def in_parts(monkeypatch):
    """Let files of a few megabytes go up in parts."""
    monkeypatch.setattr("assetkit.io.object_store_s3.SINGLE", 1_000_000)
    monkeypatch.setattr("assetkit.io.object_store_s3._PART", 5 << 20)


@pytest.mark.usefixtures("in_parts")
def test_a_large_file_goes_up_in_parts(proxy, far, bucket):
    """The condition is on the last request, which is the one that publishes."""
    for EDITION[0] in (1, 2):
        materialize(big, workspace=far, force=True, progress="none")

    done = [head for method, path, head in proxy.seen if method == "POST" and "uploadId=" in path]
    assert [(one.get("If-None-Match"), bool(one.get("If-Match"))) for one in done] == [
        ("*", False),
        (None, True),
    ]
    assert far.load("big").shape == (500_000, 2)
    assert far.verify(deep=True).empty


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("where", ["partNumber=2", "uploadId="])
def test_an_upload_in_parts_that_fails_leaves_nothing(proxy, far, where):
    """It is aborted, whatever went wrong; what was there before stays."""
    materialize(big, workspace=far, progress="none")
    EDITION[0] = 2
    method = "PUT" if "part" in where else "POST"
    proxy.rule = lambda asked, path: (
        "403 AccessDenied" if asked == method and where in path else None
    )

    with pytest.raises(MaterializationError, match="publish big"):
        materialize(big, workspace=far, force=True, progress="none")

    proxy.rule = None
    assert list(open_store(far.core.place).uploads()) == []
    assert far.load("big").a[0] == np.random.default_rng(1).random()


def test_vacuum_ends_what_a_dead_process_began(lake, bucket, s3):
    """An upload that nobody will finish is listed, and dropped on request."""
    materialize(table, workspace=lake, progress="none")
    for key in (FILE, "elsewhere/part.parquet"):
        s3.call_s3("create_multipart_upload", Bucket=bucket, Key=key)

    found = lake.vacuum(dry_run=False, older_than=timedelta(0))

    assert found.path.tolist()[0] == f"s3://{bucket}/{FILE}"
    assert lake.vacuum(older_than=timedelta(0)).empty
    left = s3.call_s3("list_multipart_uploads", Bucket=bucket)["Uploads"]
    assert [one["Key"] for one in left] == ["elsewhere/part.parquet"]


@pytest.fixture
def pieces(monkeypatch):
    """Let files be read in small pieces, so that some of them come later."""
    monkeypatch.setattr("assetkit.io.remote_parquet._FIRST", 64_000)


@pytest.mark.usefixtures("pieces")
def test_a_file_replaced_while_it_is_read_is_read_again(proxy, far, bucket, s3):
    """A reader gets one version whole, though another came in between two requests."""
    for EDITION[0] in (2, 1):
        materialize(big, workspace=far, force=True, progress="none")
        content = s3.cat_file(f"{bucket}/lake/data/big/part.parquet")
        if EDITION[0] == 2:
            other = content
    asked = []

    def replace_at_second(method, path):
        if method == "GET" and path.endswith("part.parquet"):
            asked.append(path)
            if len(asked) == 2:
                s3.pipe_file(f"{bucket}/lake/data/big/part.parquet", other)

    proxy.rule = replace_at_second
    frame = far.load("big")

    assert frame.a[0] == np.random.default_rng(2).random()
    assert frame.equals(pd.read_parquet(io.BytesIO(other)))


@pytest.mark.usefixtures("pieces")
def test_what_is_lazy_says_when_its_files_were_replaced(far, bucket, s3):
    """Never rows of two versions: a dataset refuses to read what it was not opened on."""
    materialize(big, workspace=far, progress="none")
    opened = far.load("big", load_as=ds.Dataset)
    s3.pipe_file(f"{bucket}/lake/data/big/part.parquet", b"x" * 9_000_000)

    with pytest.raises(StorageError, match="replaced while it was read"):
        opened.to_table()


def test_no_listing_is_remembered(lake, bucket, s3):
    """What another process publishes is seen at once."""
    materialize(table, workspace=lake, progress="none")
    far = Workspace(lake.root)
    far.load("table")
    EDITION[0] = 2
    materialize(table, workspace=lake, force=True, progress="none")

    assert far.load("table").x[0] == 2
    assert len(plan(table, workspace=far)) == 0


def run(folder, bucket, *arguments, wait=True, **environment):
    """Start the program that builds in a bucket from a folder of its own."""
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.object_stores.building", f"s3://{bucket}/lake", *arguments],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if not wait:
        return process
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_of_two_writers_one_is_refused(bucket, tmp_path, s3):
    """Who looked before another one published does not replace what that one made."""
    run(tmp_path / "one", bucket, "build", "1")
    slow = run(
        tmp_path / "two", bucket, "build", "2", "force",
        wait=False, ASSETKIT_FAULT="store.looked:1:stop",
    )  # fmt: skip
    os.waitpid(slow.pid, os.WUNTRACED)
    (quick,) = run(tmp_path / "one", bucket, "build", "3", "force")
    os.kill(slow.pid, signal.SIGCONT)
    out, err = slow.communicate(timeout=180)

    assert " was not published: run " in json.loads(out)["error"], err
    assert "published it at the same time, and that stays" in json.loads(out)["error"]
    with s3.open(f"{bucket}/lake/data/total/part.parquet") as file:
        assert pq.read_table(file)["total"].to_pylist() == quick["total"]


@pytest.fixture(scope="module")
def deaths(server, tmp_path_factory):
    """Return what was found after a death at each point, by point."""
    folder = tmp_path_factory.mktemp("deaths")
    environment = {
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": server,
    }  # fmt: skip
    lines = run(folder, f"deaths{os.getpid()}", "die", **environment)
    return {line["point"]: line for line in lines}


@pytest.mark.parametrize("point", DEADLY)
def test_killed_at(point, deaths):
    """What is in the bucket is whole, old or new; the next run ends as an undisturbed one."""
    line = deaths[point]

    assert line["code"] == -signal.SIGKILL
    assert line["lost"] == [], "an acknowledged result is gone"
    assert line["torn"] == []
    assert line["end"] == deaths["none"]["end"]
    assert (line["due"], line["running"]) == (0, 0)


def test_credentials_are_written_nowhere(lake, tmp_path, bucket):
    """No key is in the catalog, a log, a plan file, an object or what is shown."""
    options = {"key": KEY, "secret": SECRET}
    workspace = Workspace(f"s3://{bucket}/other", storage_options=options)
    told = io.StringIO()
    listener = logging.StreamHandler(told)
    logging.getLogger("assetkit").addHandler(listener)
    try:
        made = plan(table, workspace=workspace)
        made.save(tmp_path / "plan.json")
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            materialize(made, workspace=workspace)
            print(workspace, workspace.core.place, workspace.history("table"))  # noqa: T201
    finally:
        logging.getLogger("assetkit").removeHandler(listener)
    workspace.close()

    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (KEY, SECRET):
        assert secret not in told.getvalue()
        assert not any(secret.encode() in content for content in written)


def test_an_upload_is_ended_once(lake):
    """Ending one that is gone is no error."""
    store = open_store(Place(data=f"{lake.root}/data", private=lake.core.place.private))
    materialize(table, workspace=lake, progress="none")
    known = Upload("data/x", "gone", next(iter(lake.runs().started_at)))

    store.abort(known)
