"""What `@asset` makes of a function, and what it refuses."""

import asyncio
import functools
import gc
import inspect
import pickle
import weakref

import cloudpickle
import pandas as pd
import pytest

from assetkit.definitions.decorator import asset
from assetkit.definitions.handles import Asset
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.policies import BackfillPolicy, FreshnessPolicy, RetryPolicy
from assetkit.definitions.resources import Config, Resource
from assetkit.errors import AssetkitError, DefinitionError, InvalidArgument, InvalidName


@asset(group="raw", tags=["pii"], owners="finance", retry=2, timeout="2h")
def orders(context) -> pd.DataFrame:
    """Orders of the shop.

    One row each.
    """
    return pd.DataFrame({"amount": [1]})


@asset(name="sales/revenue", ins={"money": AssetIn("orders", columns=["amount"])}, deps=[orders])
def revenue(money: pd.DataFrame, *, factor: int = 2) -> int:
    return int(money.amount.sum()) * factor


def test_an_asset_is_still_the_function():
    """Calling an asset calls the plain function, with its own defaults."""
    assert revenue(pd.DataFrame({"amount": [2, 3]})) == 10
    assert list(inspect.signature(revenue).parameters) == ["money", "factor"]
    assert revenue.__name__ == "revenue"
    assert orders.__doc__ is orders.__wrapped__.__doc__


def test_names_come_from_the_function_or_the_argument():
    """The key is the function's name, or the name given; the last part is what inputs match."""
    assert (orders.key, orders.name) == ("orders", "orders")
    assert (revenue.key, revenue.name) == ("sales/revenue", "revenue")
    assert repr(revenue).startswith("<Asset sales/revenue (")


def test_arguments_are_kept_in_one_form():
    """Whatever form an argument was given in, the definition has the one form."""
    definition = orders.definition

    assert definition.description == "Orders of the shop.\n\nOne row each."
    assert definition.tags == {"pii": ""}
    assert definition.owners == ("finance",)
    assert definition.retry == RetryPolicy(2)
    assert definition.timeout == 7200.0
    assert definition.wants_context == "context"
    assert definition.source.line == inspect.getsourcelines(orders.__wrapped__)[1]


def test_parameters_become_inputs():
    """Each parameter is an input; what is only depended on comes after them."""
    money, factor, dependency = revenue.definition.inputs

    assert (money.parameter, money.upstream, money.columns) == ("money", "orders", ("amount",))
    assert money.load_as is pd.DataFrame
    assert factor.optional_name
    assert (dependency.parameter, dependency.upstream) == (None, orders)


class Database(Resource):
    dsn: str = "duckdb://"


class Limits(Config):
    rows: int = 10


def test_annotations_say_what_is_no_input():
    """Resources, configuration and the context are told by annotation or name."""

    @asset
    def report(ctx: "AssetContext", db: Database, limits: "Limits", orders): ...  # noqa: F821

    definition = report.definition

    assert definition.wants_context == "ctx"
    assert definition.resources == {"db": Database}
    assert definition.config == ("limits", Limits)
    assert [one.parameter for one in definition.inputs] == ["orders"]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("pd.DataFrame", pd.DataFrame),
        ("pd.DataFrame | None", pd.DataFrame),
        ("Annotated[pd.DataFrame, 'rows']", pd.DataFrame),
        ("dict[str, pd.DataFrame]", dict[str, pd.DataFrame]),
        ("Any", None),
    ],
)
def test_annotations_choose_what_is_loaded(notebook, annotation, expected):
    """An annotation is read as the type inside of it, also where annotations are text."""
    names = notebook.run(f"""
        from __future__ import annotations
        import pandas as pd
        from typing import Annotated, Any
        from assetkit.definitions.decorator import asset

        @asset
        def report(orders: {annotation}): ...
    """)

    assert names["report"].definition.inputs[0].load_as == expected


def test_text_annotations_see_the_function_around():
    """A class of the enclosing function can be an annotation as text, too."""

    class Local(Resource):
        name: str = "x"

    def make():
        @asset
        def report(db: "Local"): ...

        return report

    @asset
    def direct(db: "Local"): ...

    assert direct.definition.resources == {"db": Local}
    with pytest.raises(DefinitionError, match=r"report.*'Local' of parameter 'db'"):
        assert make().definition


def test_an_annotation_that_does_not_exist_is_an_error_of_the_definition():
    """A name that only a type checker imports is refused with the remedy, once it is needed."""

    @asset
    def report(orders: "pl.DataFrame"): ...  # noqa: F821

    with pytest.raises(DefinitionError, match="Import 'pl' where the module runs"):
        assert report.definition


WRONG = {
    "name": [("", InvalidName), ("../x", InvalidName), ("a//b", InvalidName), (3, InvalidName)],
    "group": [("", InvalidArgument), (3, InvalidArgument)],
    "description": [(3, InvalidArgument)],
    "owners": [([1], InvalidArgument), (3, InvalidArgument)],
    "tags": [({"a": 1}, InvalidArgument), ("pii", InvalidArgument)],
    "metadata": [([1], InvalidArgument), ({1: 2}, InvalidArgument)],
    "ins": [
        ({"b": AssetIn()}, InvalidArgument),
        ([1], InvalidArgument),
        ({"x": 3}, InvalidArgument),
    ],
    "deps": [([3], InvalidArgument), (["a b"], InvalidName), ([len], InvalidArgument)],
    "partitions": [(["a", "b"], InvalidArgument), ("daily", InvalidArgument)],
    "io_manager": [("", InvalidArgument), (object(), InvalidArgument)],
    "schema": [({"a": int}, InvalidArgument), ("a int", InvalidArgument)],
    "checks": [("not_null", InvalidArgument), ([1], InvalidArgument)],
    "freshness": [("8h", InvalidArgument)],
    "automation": [("eager", InvalidArgument)],
    "backfill": [(3, InvalidArgument)],
    "retry": [(-1, InvalidArgument), (True, InvalidArgument), ("3", InvalidArgument)],
    "timeout": [(0, InvalidArgument), ("2 parsecs", InvalidArgument), (True, InvalidArgument)],
    "pool": [("", InvalidArgument)],
    "code_version": [(2, InvalidArgument), ("", InvalidArgument)],
    "rebuildable": [("no", InvalidArgument)],
    "requires_approval": [(1, InvalidArgument)],
    "executor_options": [([], InvalidArgument)],
}


@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [(argument, value, error) for argument, pairs in WRONG.items() for value, error in pairs],
)
def test_a_wrong_argument_is_told_where_it_is_written(argument, value, error):
    """The error names the argument, what was given, and the file and line."""
    with pytest.raises(error) as refused:

        @asset(**{argument: value})
        def broken(x): ...

    assert __file__ in str(refused.value)
    if error is InvalidArgument:
        assert f"{argument}" in str(refused.value)
        assert "broken" in str(refused.value)


def test_an_unknown_argument_has_a_hint():
    """A misspelt argument names the nearest one."""
    with pytest.raises(InvalidArgument, match=r"no argument 'partition'. Did you mean partitions"):

        @asset(partition=3)
        def broken(): ...


def test_an_input_that_is_no_parameter_has_a_hint():
    """An entry of ins that the function does not take is refused with the nearest parameter."""
    with pytest.raises(InvalidArgument, match=r"'order', but the function .* Did you mean orders"):

        @asset(ins={"order": AssetIn()})
        def broken(orders): ...


class Thing:
    """Decorated by mistake."""


@pytest.mark.parametrize(
    ("decorated", "message"),
    [
        pytest.param(Thing, "Thing is a class", id="class"),
        pytest.param(orders, "is an asset already", id="asset"),
        pytest.param("orders", r"@asset\(name='orders'\)", id="text"),
        pytest.param(functools.partial(len), "no function that was written", id="partial"),
        pytest.param(lambda *args: None, r"takes '\*args'|lambda", id="lambda"),
    ],
)
def test_only_functions_can_be_assets(decorated, message):
    """Classes, assets and other things are refused, with what to do instead."""
    with pytest.raises(AssetkitError, match=message):
        asset(decorated)


def _stars(*frames): ...
def _keywords(**frames): ...
def _positional(x, /): ...


class _Class:
    def method(self, x): ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (_stars, r"\*frames"),
        (_keywords, r"\*\*frames"),
        (_positional, "x, /"),
        (_Class.method, "is a method"),
    ],
)
def test_parameters_must_have_names_to_match(function, message):
    """Inputs are matched by name, so that parameters without one are refused."""
    with pytest.raises(InvalidArgument, match=message):
        asset(function)


def test_the_context_is_reserved():
    """A parameter called context cannot be annotated as data, nor come twice."""

    @asset
    def data(context: pd.DataFrame): ...

    @asset
    def twice(context, ctx: "AssetContext"): ...  # noqa: F821

    with pytest.raises(InvalidArgument, match="reserved for the AssetContext"):
        assert data.definition
    with pytest.raises(InvalidArgument, match="takes the context twice"):
        assert twice.definition


def test_a_wrapped_function_keeps_its_parameters():
    """Another decorator below @asset does not hide the parameters, if it uses functools.wraps."""

    def logged(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs) + 1

        return wrapper

    @asset
    @logged
    def report(orders, limit=3):
        return orders + limit

    assert report(1) == 5
    assert [one.parameter for one in report.definition.inputs] == ["orders", "limit"]
    assert report.definition.inputs[1].optional_name


def test_async_functions_are_assets():
    """An async function stays one when it is called directly."""

    @asset
    async def fetched():
        return 3

    assert asyncio.run(fetched()) == 3


def test_asset_is_a_function_too():
    """The decorator can be called on a function that is used elsewhere as well."""

    def twice(x):
        return 2 * x

    doubled = asset(twice, name="doubled", freshness=FreshnessPolicy("1h"))

    assert twice(2) == doubled(2) == 4
    assert doubled.key == "doubled"
    assert doubled.definition.backfill == BackfillPolicy.per_partition()


# ------------------------------------------------------------------------------------- handles


def test_a_cell_that_runs_again_swaps_the_definition(notebook):
    """The handle stays the same object, so that what holds it follows."""
    first = notebook.run("""
        from assetkit.definitions.decorator import asset
        @asset(group="one")
        def orders(): return 1
    """)["orders"]
    second = notebook.run("""
        @asset(group="two")
        def orders(): return 2
    """)["orders"]

    assert second is first
    assert (first(), first.definition.group, first.generation) == (2, "two", 1)


def test_a_module_that_is_loaded_again_swaps_the_definition(project):
    """A name imported before the reload follows the new definition."""
    header = "from assetkit.definitions.decorator import asset\n"
    project.write("shop.raw", header + "@asset\ndef orders(): return 1\n")
    held = project.load("shop.raw").orders
    project.write("shop.raw", header + "\n\n@asset\ndef orders(): return 22\n")
    project.reload("shop.raw")

    assert held() == 22
    assert held.source.line == 4


def test_other_keys_and_namespaces_have_handles_of_their_own(notebooks):
    """Neither another name, nor another notebook, touches an asset."""
    source = """
        from assetkit.definitions.decorator import asset
        @asset
        def orders(): return 1
        made = []
        for name in ("a", "b"):
            @asset(name=name)
            def f(): ...
            made.append(f)
    """
    one, other = notebooks().run(source), notebooks().run(source)

    assert one["orders"] is not other["orders"]
    assert one["made"][0] is not one["made"][1]


def test_functions_inside_functions_are_new_each_time():
    """A factory makes another asset with each call."""

    def make():
        @asset
        def local(): ...

        return local

    assert make() is not make()


def test_handles_are_held_weakly(notebook):
    """An asset that nobody holds is gone."""
    names = notebook.run("""
        from assetkit.definitions.decorator import asset
        @asset
        def orders(): return 1
    """)
    gone = weakref.ref(names.pop("orders"))
    gc.collect()

    assert gone() is None


def test_an_importable_asset_is_pickled_by_name(project):
    """What another process can import is not carried along."""
    project.write(
        "shop.raw", "from assetkit.definitions.decorator import asset\n@asset\ndef orders(): ...\n"
    )
    orders = project.load("shop.raw").orders

    assert pickle.loads(pickle.dumps(orders)) is orders
    assert pickle.loads(pickle.dumps(orders.definition)) is orders.definition


def test_a_notebooks_asset_is_pickled_by_value(notebook):
    """Functions of a notebook, recursive ones and closures included, come back whole."""
    names = notebook.run("""
        from assetkit.definitions.decorator import asset
        base = 10
        @asset(group="raw")
        def orders(x=0):
            return base + x if x < 1 else orders(x - 1)
        def make(factor):
            @asset
            def scaled(orders): return orders * factor
            return scaled
        scaled = make(3)
    """)
    orders = pickle.loads(cloudpickle.dumps(names["orders"]))
    definition = pickle.loads(cloudpickle.dumps(names["scaled"].definition))

    assert isinstance(orders, Asset)
    assert (orders.key, orders(2), orders.definition.group) == ("orders", 10, "raw")
    assert definition.function(2) == 6


def test_a_notebook_shows_what_was_declared():
    """The view has the key, the description and the facts; a broken definition has none."""

    @asset
    def broken(orders: "nowhere.Frame"): ...  # noqa: F821

    assert "Asset orders" in orders._repr_html_()
    assert "<script" not in orders._repr_html_()
    assert broken._repr_html_() is None


def test_defining_many_costs_no_more_each_than_defining_few(notebook, calls):
    """The work of defining grows as the assets do, and not faster."""

    def work(assets: int) -> int:
        source = "\n".join(f"@asset(group='g')\ndef n{i}(context): ..." for i in range(assets))
        return calls(
            lambda: notebook.run("from assetkit.definitions.decorator import asset\n" + source)
        )

    assert work(400) < 2.2 * work(200)
