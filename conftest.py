"""What pytest collects besides the tests: the code of README.md and docs/, and doctests."""

from importlib.util import find_spec
from pathlib import Path

from tests.docs.pages import pages

pytest_collect_file = pages.pytest()

# A module of an optional package is loaded by name; without the package its doctests cannot run.
OPTIONAL = {
    "apprise": "notifying",
    "deltalake": "delta",
    "distributed": "dask",
    "pyiceberg": "iceberg",
    "ray": "ray",
    "s3fs": "object_store_s3",
}
HERE = Path(__file__).parent
collect_ignore = [
    "tests/faults/surroundings.py",  # programs that tests start
    "tests/faults/filling.py",
    "tests/object_stores/building.py",
    "tests/typing",  # checked by mypy, never run
    *(
        str(path.relative_to(HERE))
        for package, module in OPTIONAL.items()
        if find_spec(package) is None
        for path in HERE.glob(f"assetkit/*/{module}.py")
    ),
]
