"""What counts as the project's own code, and what as a library's."""

from __future__ import annotations

import site
import sys
import sysconfig
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec, resolve_name
from types import ModuleType
from typing import Any

_LIBRARY_PARTS = ("/site-packages/", "/dist-packages/")
_OWN = __name__.partition(".")[0]


def is_project(module: str, filename: str | None, home: str) -> bool:
    """Return whether code belongs to the project of an asset whose module is *home*.

    That is: the same top-level package, the notebook or script that runs, and
    every other module that is not installed as a library.
    """
    top = module.partition(".")[0]
    if is_own_code(module):
        return False
    if module == "__main__" or top == home.partition(".")[0]:
        return True
    if filename is None:  # built in, or a namespace package
        return False
    if filename.startswith("<"):
        return not filename.startswith(("<frozen", "<string>"))
    return not is_library_file(filename)


def is_own_code(module: str) -> bool:
    """Return whether a module is part of assetkit."""
    return module.partition(".")[0] == _OWN


def is_project_module(module: ModuleType, home: str) -> bool:
    """Return whether a module is the project's own."""
    name = module.__name__
    if getattr(module, "__file__", None) is None and hasattr(module, "__path__"):
        return not any(is_library_file(f"{path}/") for path in module.__path__)
    return is_project(name, getattr(module, "__file__", None), home)


@lru_cache(maxsize=4096)
def is_library_file(filename: str) -> bool:
    """Return whether a file belongs to Python or to an installed package."""
    path = filename.replace("\\", "/")
    return path.startswith(_library_roots()) or any(part in path for part in _LIBRARY_PARTS)


@lru_cache(maxsize=1)
def _library_roots() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    roots = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    roots.add(site.getusersitepackages())
    return tuple(sorted(f"{root.replace(chr(92), '/')}/" for root in roots))


def imported(
    binding: tuple[str, str | None, int], module_globals: dict[str, Any], home: str
) -> Any:
    """Return what an import inside of a function binds; None where that is no project code.

    A project module that is not loaded yet is loaded, as the function will do:
    else a fingerprint would depend on whether it ran before.
    """
    name, attribute, level = binding
    try:
        if level:
            package = module_globals.get("__package__") or module_globals["__name__"]
            name = resolve_name("." * level + name, package)
        if not _is_project_name(name, home):
            return None
        module = import_module(name)
        if attribute is None:
            return module
        return (
            getattr(module, attribute)
            if hasattr(module, attribute)
            else import_module(f"{name}.{attribute}")
        )
    except Exception:  # noqa: BLE001  a module may fail in any way; the function will say so when it runs
        return None


def module_of(binding: tuple[str, str, int], module_globals: dict[str, Any]) -> ModuleType | None:
    """Return the loaded module that a name was imported from."""
    name, _, level = binding
    if level:
        package = module_globals.get("__package__") or module_globals.get("__name__", "")
        try:
            name = resolve_name("." * level + name, package)
        except ImportError:
            return None
    return sys.modules.get(name)


def _is_project_name(name: str, home: str) -> bool:
    top = name.partition(".")[0]
    if top in sys.modules:
        return is_project_module(sys.modules[top], home)
    if top == home.partition(".")[0]:
        return True
    spec = find_spec(top)
    return spec is not None and is_project(top, spec.origin, home)
