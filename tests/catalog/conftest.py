"""Surroundings for the tests of catalogs."""

import os
from contextlib import contextmanager

import pytest

NOBODY = 65534


@pytest.fixture
def as_nobody(tmp_path):
    """Return a context in which this process may only read a folder, also where it is root."""

    @contextmanager
    def restricted(folder):
        opened = [tmp_path, *tmp_path.parents[:3]] if os.geteuid() == 0 else []
        modes = {one: one.stat().st_mode for one in [*opened, folder]}
        for one in opened:
            one.chmod(0o755)
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        try:
            yield
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            for one, mode in modes.items():
                one.chmod(mode)

    return restricted
