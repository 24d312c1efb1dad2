"""Clusters that are not there, or do not fit, are said so before any step runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assetkit import Workspace, asset, materialize
from assetkit.errors import ExecutorError, InvalidArgument, MissingExtra

dask = pytest.importorskip("assetkit.executors.dask", exc_type=MissingExtra)
distributed = pytest.importorskip("distributed")

OTHER_ASSETKIT = "import os, sys\nsys.path.insert(0, os.environ['OTHERS'])\n"
NO_ASSETKIT = "import sys\nsys.modules['assetkit'] = None\n"


@pytest.fixture
def cluster(request, tmp_path, monkeypatch):
    """Return the address of a scheduler with one worker, which first runs some code.

    In the folder ``OTHERS`` another assetkit is installed.
    """
    others = tmp_path / "others" / "assetkit-0.0.1.dist-info"
    others.mkdir(parents=True)
    (others / "METADATA").write_text("Metadata-Version: 2.1\nName: assetkit\nVersion: 0.0.1\n")
    monkeypatch.setenv("OTHERS", str(others.parent))
    preload = tmp_path / "preload.py"
    preload.write_text(request.param, encoding="utf-8")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", preload=[str(preload)]
    ) as started:
        yield started.scheduler_address


@pytest.mark.parametrize("cluster", [""], indirect=True)
def test_a_cluster_of_others_is_used_by_its_address(cluster):
    """Steps run on the workers of the cluster at an address, as on those started here."""

    @asset
    def where(context) -> None:
        context.add_metadata({"worker": distributed.get_worker().address})

    executor = dask.DaskExecutor(cluster)
    with Workspace.temporary(executor=executor) as workspace:
        assert materialize(where, workspace=workspace, progress="none").success
        told = str(workspace.history(where)["metadata"][0])
    executor.close()

    assert "tcp://" in told


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        pytest.param(OTHER_ASSETKIT, r"assetkit 0\.0\.1, and this process", id="other-version"),
        pytest.param(NO_ASSETKIT, "Install assetkit", id="without"),
    ],
    indirect=["cluster"],
)
def test_workers_that_do_not_fit_are_refused(cluster, said):
    """A worker with another assetkit, or with none, is named; nothing runs on it."""
    with pytest.raises(ExecutorError, match=said):
        dask.DaskExecutor(cluster).start()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense"])
def test_an_unreachable_scheduler_is_named(monkeypatch, address):
    """An address at which nothing answers ends the run before its first step."""
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 0.1)

    @asset
    def never() -> None:
        raise AssertionError

    executor = dask.DaskExecutor(address)
    with (
        Workspace.temporary(executor=executor) as workspace,
        pytest.raises(ExecutorError, match=f"'{address}' is not reached"),
    ):
        materialize(never, workspace=workspace, progress="none")


def test_a_cluster_without_workers_is_said_so(monkeypatch):
    """A scheduler alone cannot run steps: the error has the command that starts a worker."""
    monkeypatch.setattr(dask, "CONNECT_SECONDS", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as started,
        pytest.raises(ExecutorError, match="dask worker tcp://"),
    ):
        dask.DaskExecutor(started.scheduler_address).start()


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_ray_that_is_not_there_is_named(address):
    """An address that leads to no Ray cluster is an error that names it, at once."""
    ray = pytest.importorskip("assetkit.executors.ray", exc_type=MissingExtra)
    with pytest.raises(ExecutorError, match=f"'{address}' is not reached"):
        ray.RayExecutor(address).start()


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [("distributed", "DaskExecutor", "dask"), ("ray", "RayExecutor", "ray")],
)
def test_a_missing_extra_is_named(package, name, extra):
    """Without its package, an executor says what to install."""
    code = f"import sys; sys.modules[{package!r}] = None; from assetkit.executors import {name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert f'pip install "assetkit[{extra}]"' in done.stderr


def test_a_number_is_no_address():
    """Of threads and processes the first argument is how many; the message says how it is here."""
    with pytest.raises(InvalidArgument, match=r"DaskExecutor\(workers=2\)"):
        dask.DaskExecutor(2)
    ray = pytest.importorskip("assetkit.executors.ray", exc_type=MissingExtra)
    with pytest.raises(InvalidArgument, match=r"RayExecutor\(workers=2\)"):
        ray.RayExecutor(2)
