"""What changes the version of an asset's code, and what does not."""

import sys
import textwrap

import pytest

from assetkit.definitions.codeversion import CodeVersion, code_version, code_versions

SHOP = """
    import functools
    from assetkit.definitions.decorator import asset
    from shop import money
    from shop.rates import RATES, Converter, load

    LIMIT = 5
    seen = {}

    def clean(frame):
        return [row for row in frame if row < LIMIT]

    @asset(group="raw")
    def orders(context):
        return clean(load())

    @asset
    def revenue(orders):
        seen[len(seen)] = orders
        return money.total(orders) + Converter().convert(1) + RATES["usd"]
"""
MONEY = """
    def total(frame):
        "Add up."
        return sum(map(cents, frame))

    def cents(row):
        # in cents
        return row * 100

    def unused():
        return 1
"""
RATES = """
    import functools

    RATES = {"usd": 1.1, "gbp": 0.9}
    _cache = {}

    class Rounding:
        digits = 2

    class Converter(Rounding):
        "Convert amounts."
        def convert(self, amount: float) -> float:
            return round(amount * RATES["usd"], self.digits)

    @functools.lru_cache(maxsize=8)
    def load():
        return _cache.setdefault("rows", [1, 2, 3])
"""


@pytest.fixture
def shop(project):
    """Return a project of three modules that reach into one another."""
    project.write("shop.money", MONEY)
    project.write("shop.rates", RATES)
    project.write("shop.marts", SHOP)
    return project


def versions(project) -> dict[str, CodeVersion]:
    """Return the versions of the shop's assets as a new process would see them."""
    for name in [name for name in sys.modules if name == "shop" or name.startswith("shop.")]:
        del sys.modules[name]
    marts = project.load("shop.marts")
    return code_versions([marts.orders.definition, marts.revenue.definition])


def edit(project, module: str, old: str, new: str) -> None:
    """Change a module's file."""
    source = textwrap.dedent({"money": MONEY, "rates": RATES, "marts": SHOP}[module])
    assert old in source
    project.write(f"shop.{module}", source.replace(old, new))


@pytest.mark.parametrize(
    ("module", "old", "new", "changed"),
    [
        pytest.param("marts", "return clean(load())", "return load()", {"orders"}, id="itself"),
        pytest.param("marts", "row < LIMIT", "row <= LIMIT", {"orders"}, id="function"),
        pytest.param("marts", "LIMIT = 5", "LIMIT = 6", {"orders"}, id="constant"),
        pytest.param("marts", "LIMIT = 5", "LIMIT = 5.0", {"orders"}, id="type-of-constant"),
        pytest.param("money", "row * 100", "row * 1000", {"revenue"}, id="function-of-function"),
        pytest.param("money", "sum(map", "max(map", {"revenue"}, id="through-a-module"),
        pytest.param("rates", '"usd": 1.1', '"usd": 1.2', {"revenue"}, id="imported-constant"),
        pytest.param("rates", "digits = 2", "digits = 3", {"revenue"}, id="base-class"),
        pytest.param("rates", "round(amount", "abs(amount", {"revenue"}, id="method"),
        pytest.param("rates", "[1, 2, 3]", "[1, 2]", {"orders"}, id="behind-a-library-wrapper"),
        pytest.param("rates", "maxsize=8", "maxsize=9", {"orders"}, id="decorator"),
        pytest.param("rates", "_cache = {}", '_cache = {"rows": []}', {"orders"}, id="state"),
        pytest.param("marts", 'group="raw"', 'group="x", retry=3', set(), id="asset-arguments"),
        pytest.param("marts", "def clean(frame)", "def clean(frame: list)", set(), id="annotation"),
        pytest.param("money", '"Add up."', '"Sum."', set(), id="docstring"),
        pytest.param("money", "# in cents", "# in euro cents", set(), id="comment"),
        pytest.param("money", "return 1", "return 2", set(), id="not-reached"),
        pytest.param("money", "def cents(row):", "\n\n\ndef cents( row ):", set(), id="layout"),
        pytest.param("rates", "Convert amounts.", "Convert.", set(), id="class-docstring"),
    ],
)
def test_an_edit_changes_what_reaches_it(shop, module, old, new, changed):
    """Only edits that matter count, and for the assets only that reach what was edited."""
    before = versions(shop)
    edit(shop, module, old, new)
    after = versions(shop)

    assert {key for key in before if before[key].value != after[key].value} == changed


def test_parts_say_what_changed(shop):
    """The parts are named, placed, and only the one that was edited has another hash."""
    before = versions(shop)["revenue"]
    edit(shop, "money", "row * 100", "row * 1000")
    after = versions(shop)["revenue"]

    changed = [name for name in after.parts if after.parts[name].hash != before.parts[name].hash]
    assert changed == ["shop.money.cents"]
    assert str(after.parts["shop.money.cents"].source).endswith("money.py:6")
    assert after.parts["shop.money.cents"].text.startswith("def cents(row):")
    assert "shop.rates.RATES" in after.parts
    assert after.parts["shop.rates.RATES"].text == ""
    assert after.warnings == ()


def test_state_is_no_constant(shop):
    """What the code itself puts into a container while it runs does not change its version."""
    before = versions(shop)
    marts = sys.modules["shop.marts"]
    marts.revenue(marts.orders(None))
    assert marts.seen
    definitions = [marts.orders.definition, marts.revenue.definition]

    assert {key: one.value for key, one in code_versions(definitions).items()} == {
        key: one.value for key, one in before.items()
    }


def test_moved_code_is_unchanged(project):
    """The same code in another module, at another line, has the same version."""
    source = """
        from assetkit.definitions.decorator import asset
        RATE = 2
        def helper(x): return x * RATE
        @asset
        def orders(): return helper(1)
    """
    project.write("shop.here", source)
    project.write(
        "shop.elsewhere", "\n\n" + textwrap.dedent(source).replace("def helper", "\n\ndef helper")
    )
    here, there = project.load("shop.here").orders, project.load("shop.elsewhere").orders

    assert code_version(here.definition).value == code_version(there.definition).value


def test_a_reload_is_noticed_in_the_same_process(shop):
    """After an edit and a reload, the version is that of the new code."""
    before = versions(shop)["revenue"].value
    edit(shop, "money", "row * 100", "row * 1000")
    shop.reload("shop.money")

    assert code_version(sys.modules["shop.marts"].revenue.definition).value != before


def test_an_edit_without_a_reload_does_not_count_yet(shop):
    """What is loaded counts, not what stands in the file by now."""
    before = versions(shop)["revenue"].value
    edit(shop, "money", "row * 100", "row * 1000")
    version = code_version(sys.modules["shop.marts"].revenue.definition)

    assert (version.value, version.warnings) == (before, ())


def test_an_edit_before_the_first_look_is_told(shop):
    """Where a file changed between import and first look, that is said, and lines may move."""
    marts = shop.load("shop.marts")
    edit(shop, "money", "def cents", "\n\ndef cents")
    assert code_version(marts.revenue.definition).warnings == ()
    edit(shop, "rates", "[1, 2, 3]", "[1, 2]")
    (warning,) = code_version(marts.orders.definition).warnings

    assert "shop.rates.load" in warning
    assert "edited since it was imported?" in warning


def test_a_cell_that_imports_what_its_asset_uses_is_read_as_written(notebook):
    """The bytecode of its function differs from that of the cell as one module."""
    source = """
        import math
        from assetkit import asset
        @asset
        def roots():
            return math.sqrt({number})
    """

    first = code_version(notebook.run(source.format(number=2))["roots"].definition)
    again = code_version(notebook.run("\n\n" + source.format(number=2))["roots"].definition)
    other = code_version(notebook.run(source.format(number=3))["roots"].definition)

    assert first.warnings == ()
    assert first.value == again.value != other.value


def test_a_declared_version_stands_for_the_code(project):
    """With code_version=, the code itself does not matter."""
    source = """
        from assetkit.definitions.decorator import asset
        @asset(code_version="1")
        def a(): return 1
        @asset(code_version="1")
        def b(): return 2
        @asset(code_version="2")
        def c(): return 2
    """
    project.write("shop.declared", source)
    module = project.load("shop.declared")
    a, b, c = (code_version(one.definition).value for one in (module.a, module.b, module.c))

    assert a == b != c


def test_closures_and_defaults_count(project):
    """Assets that a factory makes differ by what they hold of it."""
    source = """
        from assetkit.definitions.decorator import asset
        def make(name, factor):
            def scale(x): return x * factor
            @asset(name=name)
            def scaled(orders, shift=factor): return scale(orders) + shift
            return scaled
        def make_plain(factor):
            @asset
            def shifted(orders, shift=factor): return orders + shift
            return shifted
    """
    project.write("shop.made", source)
    module = project.load("shop.made")
    one, same, other = module.make("a", 1), module.make("b", 1), module.make("c", 2)

    assert code_version(one.definition).value == code_version(same.definition).value
    assert code_version(one.definition).value != code_version(other.definition).value
    assert (
        code_version(module.make_plain(1).definition).value
        != code_version(module.make_plain(2).definition).value
    )


def test_other_assets_are_inputs_not_code(project):
    """An asset that another one names is not part of its code."""
    source = """
        from assetkit.definitions.decorator import asset
        @asset
        def orders(): return 1
        @asset(deps=[orders])
        def report(): return orders.key
    """
    project.write("shop.named", source)
    before = code_version(project.load("shop.named").report.definition).value
    project.write("shop.named", source.replace("return 1", "return 22"))

    assert code_version(project.reload("shop.named").report.definition).value == before


def test_types_to_load_count_and_the_default_does_not(project):
    """An annotation that loads another type changes the version; naming the default does not."""
    source = """
        import pandas as pd, pyarrow as pa
        from assetkit.definitions.decorator import asset
        @asset
        def a(orders): return orders
        @asset
        def b(orders: pd.DataFrame) -> pd.DataFrame: return orders
        @asset
        def c(orders: pa.Table): return orders
    """
    project.write("shop.typed", source)
    module = project.load("shop.typed")
    a, b, c = (code_version(one.definition).value for one in (module.a, module.b, module.c))

    assert a == b != c


def test_resources_and_imports_inside_are_followed(project):
    """Classes that a parameter asks for, and modules imported inside, are project code too."""
    project.write("shop.inner", "def f(): return 1\n")
    source = """
        from assetkit.definitions.decorator import asset
        from assetkit.definitions.resources import Resource
        class Database(Resource):
            def rows(self): return [1]
        @asset
        def a(db: Database):
            from shop.inner import f
            return db.rows(), f()
        @asset
        def b():
            import shop.inner as inner
            return inner.f()
    """
    project.write("shop.outer", source)
    module = project.load("shop.outer")
    a, b = code_version(module.a.definition), code_version(module.b.definition)

    assert {"shop.outer.Database", "shop.inner.f"} <= set(a.parts)
    assert {"shop.inner.f"} <= set(b.parts)


def test_what_cannot_be_fingerprinted_is_named_once(project):
    """An object without a text that says what it is comes with a warning; a logger does not."""
    source = """
        import logging
        from assetkit.definitions.decorator import asset
        client, log = object(), logging.getLogger("x")
        @asset
        def a(): return client, log
        @asset
        def b(): return client
    """
    project.write("shop.warned", source)
    module = project.load("shop.warned")
    found = code_versions([module.a.definition, module.b.definition])

    assert (
        "shop.warned.client, which shop.warned.a uses, is no plain data" in found["a"].warnings[0]
    )
    assert len(found["a"].warnings) == 1
    assert found["b"].warnings == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{'b', 'a'}", "{'b', 'c'}"),
        ("date(2026, 1, 1)", "date(2026, 1, 2)"),
        ("re.compile('a')", "re.compile('a', re.I)"),
        ("np.arange(3)", "np.arange(3.0)"),
        ("pd.DataFrame({'a': [1]})", "pd.DataFrame({'a': [2]})"),
        ("pd.Series([1], name='a')", "pd.Series([1], name='b')"),
        ("Colour.RED", "Colour.BLUE"),
        ("Point(1)", "Point(2)"),
        ("{'f': one}", "{'f': two}"),
        ("functools.partial(one, 1)", "functools.partial(one, 2)"),
        ("lambda: 1", "lambda: 2"),
        ("Client('a')", "Client('b')"),
        ("Client('a').named", "Client('b').named"),
        ("None", "0"),
        ("float('nan')", "float('inf')"),
    ],
)
def test_constants_of_every_plain_kind_count(project, first, second):
    """Another value is another version; the same value is the same, without a warning."""
    source = """
        import enum, functools, re
        from dataclasses import dataclass
        from datetime import date
        import numpy as np, pandas as pd
        from assetkit.definitions.decorator import asset
        class Colour(enum.Enum):
            RED = 1
            BLUE = 2
        @dataclass
        class Point:
            x: int
        class Client:
            def __init__(self, name): self.name = name
            def named(self): return self.name
        def one(x=0): return 1
        def two(x=0): return 2
        VALUE = {}
        @asset
        def report(): return VALUE
    """
    found = []
    for value in (first, first, second):
        project.write("shop.constant", source.replace("{}", value))
        module = project.reload("shop.constant") if found else project.load("shop.constant")
        found.append(code_version(module.report.definition))

    assert found[0].value == found[1].value != found[2].value
    assert found[0].warnings == ()


def test_the_value_does_not_depend_on_the_process(shop, tmp_path):
    """Another process, with other hashes of texts, finds the same versions."""
    import subprocess

    program = (
        "from shop.marts import revenue\n"
        "from assetkit.definitions.codeversion import code_version\n"
        "print(code_version(revenue.definition).value)"
    )
    path = [str(tmp_path), *sys.path]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "77"},
    )

    assert run.stdout.strip() == versions(shop)["revenue"].value


# ----------------------------------------------------------------------------------- notebooks


CELL = """
    from assetkit.definitions.decorator import asset
    RATE = 2
    def helper(x): return x * RATE
    @asset
    def orders(): return helper(1)
"""


def test_a_cell_that_runs_again_unchanged_is_the_same_code(notebook):
    """Neither the cell's number nor its file name counts."""
    first = code_version(notebook.run(CELL)["orders"].definition)
    again = code_version(notebook.run("\n\n" + textwrap.dedent(CELL))["orders"].definition)

    assert first.value == again.value
    assert str(first.parts["__main__.helper"].source) == "<cell>:4"


@pytest.mark.parametrize("cell", ["RATE = 3", "def helper(x): return x + RATE"])
def test_a_cell_that_changes_what_is_reached_changes_the_code(notebook, cell):
    """A function or constant that another cell defines again counts at once."""
    first = code_version(notebook.run(CELL)["orders"].definition)
    again = code_version(notebook.run(cell)["orders"].definition)

    assert first.value != again.value


def test_classes_of_a_notebook_count(notebook):
    """A class without methods is told by its fields, one with methods by its source too."""
    cell = """
        from assetkit.definitions.decorator import asset
        class Settings:
            rows: int = 3
        class Model:
            def fit(self): return 1
        @asset
        def orders(): return Model().fit() + Settings.rows
    """
    first = code_version(notebook.run(cell)["orders"].definition)
    fields = code_version(notebook.run(cell.replace("= 3", "= 4"))["orders"].definition)
    method = code_version(notebook.run(cell.replace("return 1", "return 2"))["orders"].definition)

    assert len({first.value, fields.value, method.value}) == 3


def test_code_without_a_source_counts_by_its_bytecode():
    """What exec defines has a version, too, that follows names."""

    def version(source: str) -> CodeVersion:
        names = {"__name__": "console"}
        exec(textwrap.dedent(source), names)
        return code_version(names["orders"].definition)

    first = version(CELL)

    assert first.value == version(CELL).value
    assert first.value != version(CELL.replace("helper(1)", "helper(2)")).value
    assert first.value != version(CELL.replace("x * RATE", "x + RATE")).value
    assert first.value != version(CELL.replace("RATE = 2", "RATE = 3")).value
    assert first.warnings == ()


def test_reading_many_assets_costs_no_more_each_than_reading_few(project, calls):
    """The work of fingerprints grows as the assets of a module do, and not faster."""
    header = "from assetkit.definitions.decorator import asset\ndef h(x): return x\n"

    def work(assets: int) -> int:
        body = "\n".join(f"@asset\ndef n{i}(context):\n    return h({i})" for i in range(assets))
        project.write(f"shop.many{assets}", header + body)
        module = project.load(f"shop.many{assets}")
        definitions = [getattr(module, f"n{i}").definition for i in range(assets)]
        found: dict[str, object] = {}
        made = calls(lambda: found.update(code_versions(definitions)))
        assert len({one.value for one in found.values()}) == assets
        return made

    assert work(400) < 2.2 * work(200)


@pytest.mark.parametrize(
    "edit",
    ["LIMIT = 6", "def rows():\n    return LIMIT + 1", "class Rates:\n    usd = 2"],
    ids=["constant", "function", "class"],
)
def test_code_run_in_a_namespace_without_a_name_counts(edit):
    """Code that `exec` ran in an empty namespace is followed like a module's."""
    names = {}
    exec(
        "from assetkit import asset\n"
        "LIMIT = 5\n"
        "def rows():\n    return LIMIT\n"
        "class Rates:\n    usd = 1\n"
        "@asset\n"
        "def orders():\n    return rows() * Rates.usd\n",
        names,
    )
    before = code_version(names["orders"].definition).value

    assert code_version(names["orders"].definition).value == before
    exec(edit, names)
    assert code_version(names["orders"].definition).value != before


def test_a_second_look_tells_the_source_as_the_first_did(shop):
    """What was written stays known for as long as the functions live."""
    first = versions(shop)
    marts = sys.modules["shop.marts"]
    again = code_versions([marts.orders.definition, marts.revenue.definition])

    texts = {name: part.text for one in first.values() for name, part in one.parts.items()}
    assert any("def clean" in text for text in texts.values())
    assert texts == {name: part.text for one in again.values() for name, part in one.parts.items()}
