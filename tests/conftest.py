"""Surroundings that all tests share: no project, no workspace and no colours from outside."""

import pytest

OUTSIDE = ("ASSETKIT_WORKSPACE", "ASSETKIT_PROGRESS", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS")


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch, tmp_path):
    """Run each test in an empty folder of its own, so that nothing is found by accident."""
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
