"""Projects: put together, checked as a whole, loaded from modules and files."""

import sys

import pytest

from assetkit.definitions.decorator import asset
from assetkit.errors import (
    DefinitionError,
    DuplicateAsset,
    InvalidArgument,
    InvalidName,
    LoadError,
    UnknownUpstream,
)
from assetkit.project import Definitions, load_project

HEADER = "from assetkit.definitions.decorator import asset\n"
RAW = HEADER + "@asset\ndef orders(): ...\n@asset(name='eu/stock')\ndef stock(): ...\n"
MARTS = HEADER + "@asset\ndef report(orders): ...\nmade = [asset(lambda: 1, name='made')]\n"


@pytest.fixture
def shop(project, monkeypatch):
    """Return a package of two modules, in the current folder."""
    project.write("shop.raw", RAW)
    project.write("shop.marts", MARTS)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(project.folder)])
    return project


def keys(definitions: Definitions) -> set[str]:
    """Return the keys of all assets."""
    return {one.key for one in definitions.assets}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("shop", {"orders", "eu/stock", "report", "made"}),
        ("shop.raw", {"orders", "eu/stock"}),
        ("shop/marts.py", {"report", "made"}),
        ("./shop/raw.py", {"orders", "eu/stock"}),
    ],
)
def test_a_project_is_what_its_modules_define(shop, spec, expected):
    """A package is all of its modules; a file of a package is imported as its module."""
    assert keys(load_project(spec)) == expected
    assert "shop" in sys.modules


def test_a_definitions_object_is_the_project(shop):
    """Where a module has Definitions, only what it ties together counts."""
    shop.write(
        "shop.project",
        "from assetkit.project import Definitions\nfrom shop import raw\n"
        "definitions = Definitions.from_modules(raw)\n",
    )
    loaded = load_project("shop.project")

    assert keys(loaded) == {"orders", "eu/stock"}
    assert repr(loaded) == "<Definitions: 2 assets>"


def test_a_folder_may_be_named(shop, monkeypatch):
    """Names are looked up in the folder given, wherever the process stands."""
    (shop.folder / "elsewhere").mkdir()
    monkeypatch.chdir(shop.folder / "elsewhere")

    assert keys(load_project("shop.raw", shop.folder)) == {"orders", "eu/stock"}


def test_two_projects_may_have_a_module_of_one_name(project):
    """A file that is loaded after another of its name is itself."""
    for folder, name in (("one", "orders"), ("two", "clicks")):
        (project.folder / folder).mkdir()
        (project.folder / folder / "pipe.py").write_text(HEADER + f"@asset\ndef {name}(): ...")
    first = load_project("one/pipe.py")

    assert keys(load_project("two/pipe.py")) == {"clicks"}
    assert keys(first) == {"orders"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("shp", r"no module 'shp'. Did you mean shop\?"),
        ("shop.mart", r"no module 'mart' in shop. Did you mean marts\?"),
        ("shop.raw.x", "shop.raw is no package"),
        ("shop/mart.py", r"no file .*mart.py. Did you mean marts.py"),
        ("no such", "'no such' is no module"),
        ("shop.empty", r"shop.empty \(.*empty.py\) defines no assets"),
        ("shop.two", "has 2 Definitions: a, b"),
        ("shop.broken", r"NameError: name 'undefined' is not defined, at .*inner.py:2"),
        ("shop.syntax", r"is no valid Python: .*, at .*syntax.py:1"),
        ("shop.lacking", r"No module named 'nowhere_to_be_found', at .*lacking.py:1"),
        ("shop.leaving", r"SystemExit: 3, at .*leaving.py:1"),
        ("json.py", "Python itself|has that name"),
        ("my-pipe.py", "cannot be imported as 'my-pipe'"),
    ],
)
def test_what_does_not_load_says_why(shop, spec, message):
    """The error names what is missing, or the line of the user's code that failed."""
    shop.write("shop.empty", "x = 1\n")
    shop.write(
        "shop.two",
        "from assetkit.project import Definitions\na = Definitions()\nb = Definitions()\n",
    )
    shop.write("shop.inner", "def f():\n    return undefined\n")
    shop.write("shop.broken", "from shop.inner import f\nf()\n")
    shop.write("shop.syntax", "def (:\n")
    shop.write("shop.lacking", "import nowhere_to_be_found\n")
    shop.write("shop.leaving", "raise SystemExit(3)\n")
    shop.write("json", "x = 1\n")
    shop.write("my-pipe", "x = 1\n")

    with pytest.raises(LoadError, match=message):
        load_project(spec)


def test_an_error_of_a_definition_stays_itself(shop):
    """What an author got wrong is told by its own error, which names the line."""
    shop.write("shop.wrong", HEADER + "@asset(name='../x')\ndef orders(): ...\n")

    with pytest.raises(InvalidName, match=r"wrong.py:2"):
        load_project("shop.wrong")


def test_a_name_defined_twice_in_one_load_is_refused(shop):
    """What a notebook takes for a correction is a mistake in a project."""
    shop.write("shop.twice", HEADER + "@asset\ndef orders(): ...\n@asset\ndef orders(): ...\n")

    with pytest.raises(DuplicateAsset, match=r"at .*twice.py:2 and at .*twice.py:4"):
        load_project("shop.twice")


def test_loading_again_gives_the_same_assets(shop):
    """A project that is loaded already is not imported a second time."""
    assert load_project("shop").assets == load_project("shop").assets


@asset
def clicks(): ...


@asset
def views(): ...


def test_assets_may_be_given_in_lists_and_modules(shop):
    """Nested lists and modules are flattened; an asset counts once."""
    raw = shop.load("shop.raw") if str(shop.folder) in sys.path else load_project("shop.raw")
    modules = sys.modules["shop.raw"]
    definitions = Definitions(assets=[clicks, [views, (clicks,)], modules], resources={"db": 1})

    assert raw is not None
    assert keys(definitions) == {"clicks", "views", "orders", "eu/stock"}
    assert set(definitions.graph.assets) == keys(definitions)


def test_validate_names_all_problems():
    """One problem is raised as it is; several are listed."""

    @asset
    def one(lacking): ...

    @asset
    def two(other_lacking): ...

    assert Definitions(assets=[clicks]).validate() is None
    with pytest.raises(UnknownUpstream):
        Definitions(assets=[clicks, one]).validate()
    with pytest.raises(DefinitionError, match=r"(?s)2 problems:\n1\. .*'lacking'.*\n2\. .*'two'"):
        Definitions(assets=[clicks, one, two]).validate()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"assets": [len]}, "decorate the function"),
        ({"assets": "shop"}, "assets='shop'"),
        ({"resources": [1]}, "resources="),
        ({"io_managers": {1: 2}}, "io_managers="),
    ],
)
def test_wrong_definitions_are_told(arguments, message):
    """Each argument is checked where the project is put together."""
    with pytest.raises(InvalidArgument, match=message) as refused:
        Definitions(**arguments)

    assert __file__ in str(refused.value)
