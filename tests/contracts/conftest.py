"""Clusters of this machine, started once for all tests that need one."""

from __future__ import annotations

import os

import pytest

from assetkit.errors import MissingExtra


@pytest.fixture(scope="session")
def dask_cluster():
    """Return an executor on two Dask workers of this machine."""
    module = pytest.importorskip("assetkit.executors.dask", exc_type=MissingExtra)
    executor = module.DaskExecutor(workers=2, lost_retries=1)
    yield executor
    executor.close()


@pytest.fixture(scope="session")
def ray_cluster():
    """Return an executor on a small Ray of this machine."""
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"  # Ray warns of a change to come
    module = pytest.importorskip("assetkit.executors.ray", exc_type=MissingExtra)
    executor = module.RayExecutor(workers=2, lost_retries=1)
    yield executor
    executor.close()
