"""`@asset_check`: what it takes, what it refuses, and how checks find their assets."""

import pandas as pd
import pytest

from assetkit import asset, asset_check, checks
from assetkit.definitions.checks import as_check, attach_checks, checks_among
from assetkit.errors import DefinitionError, InvalidArgument, UnknownAsset


@asset
def flights():
    return [1]


@asset(name="sales/orders")
def orders():
    return [1]


ASSETS = {one.key: one.definition for one in (flights, orders)}


@asset_check(asset=flights, blocking=True)
def has_rows(data: pd.DataFrame, context):
    """There is something."""
    return len(data) > 0


def test_a_check_stays_a_function():
    """It is called as it is written; the rest is what was declared."""
    assert has_rows([1], None) is True
    assert (has_rows.name, has_rows.description) == ("has_rows", "There is something.")
    assert (has_rows.blocking, has_rows.severity) == (True, "error")
    assert (has_rows.parameter, has_rows.context) == ("data", "context")
    assert has_rows.load_as is pd.DataFrame


@pytest.mark.parametrize("name", ["orders", "sales/orders", orders])
def test_checks_find_their_assets(name):
    """By key, by the last part of one, or as the asset itself; each is attached once."""
    check = asset_check(asset=name)(lambda data: True)

    attached = attach_checks(ASSETS, [check, check])

    assert attached["sales/orders"].checks == (check,)
    assert attached["flights"] is ASSETS["flights"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("flihgts", r"'flihgts', but no asset has that name. Did you mean flights\?"), (None, "say")],
)
def test_a_check_of_no_asset_is_refused(name, said):
    """With the nearest names."""
    check = asset_check(asset=name)(lambda data: True)

    with pytest.raises(UnknownAsset, match=said):
        attach_checks(ASSETS, [check])


def test_checks_of_a_module_are_those_that_name_an_asset():
    """Others stand in an asset's own list."""
    local = asset_check()(lambda data: True)

    assert checks_among([has_rows, has_rows, local, 3, checks.not_null("a")]) == (has_rows,)


def refused(make, said, error=InvalidArgument):
    with pytest.raises(error, match=said):
        make()


def test_wrong_arguments_are_told():
    """Where they are written, with what is allowed."""
    refused(lambda: asset_check(asset=3)(lambda data: 1), "an asset or the key of one")
    refused(lambda: asset_check(severity="bad")(lambda data: 1), "'error' or 'warn'")
    refused(lambda: asset_check(blocking=1)(lambda data: 1), "True or False")
    refused(lambda: asset_check(lambda a, b: 1), "takes 'a', 'b', but a check takes the data of")
    refused(lambda: asset_check(lambda: 1), "takes nothing")
    refused(lambda: asset_check(has_rows), "is a check already")
    refused(lambda: asset_check(len), "is no check. Give a function")
    refused(lambda: as_check(3, owner="checks"), "checks: 3 is no check")


def test_an_annotation_that_cannot_be_read_is_told():
    """With the check, the parameter and what to do."""

    def check(data: "Frame"):  # noqa: F821
        return True

    refused(
        lambda: as_check(check, owner="").load_as, r"'Frame' of parameter 'data'", DefinitionError
    )


def test_annotations_may_name_what_is_imported_in_a_function():
    """What the code around a check knows is looked at, too."""
    import pyarrow as pa

    @asset_check
    def check(data: "pa.Table"):
        return True

    assert check.load_as is pa.Table


def test_ready_checks_are_checks():
    """They pass through as they are."""
    ready = checks.not_null("a")

    assert as_check(ready, owner="") is ready
