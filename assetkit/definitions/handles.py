"""The handle that a user holds: one object per asset, however often it is defined again.

Rule 1: a handle is known by module, qualified name and key. Defining that again
(a notebook cell that runs again, a module that is reloaded) swaps the definition
inside the handle, so that names imported earlier follow.
Rule 2: what is defined inside a function is new each time.
Rule 3: handles are remembered weakly, and no upstream is looked up among them: a
graph finds upstreams through the user's own names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import update_wrapper
from importlib import import_module
from itertools import count
from sys import modules as _modules
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from assetkit.definitions.asset import AssetDef, find_global, is_importable
from assetkit.definitions.html import asset_html
from assetkit.errors import DefinitionError, UnknownAsset, did_you_mean
from assetkit.records import AssetKey, SourceLocation

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declaration:
    """What the decorator saw; annotations are read when the definition is first asked for.

    ``scope`` holds what the enclosing function knew by name at that moment:
    assets, and what annotations mention. ``maker``: its function makes others, too.
    """

    key: AssetKey
    function: Callable[..., Any]
    source: SourceLocation
    arguments: Mapping[str, Any]
    scope: Mapping[str, Any]
    define: Callable[[Declaration], AssetDef]
    maker: MultiAsset[..., Any] | None = None


def _at_home(value: Any, declaration: Declaration) -> Any:
    """Return an argument of a plain call; of a context, the one that this asset would have."""
    learn = getattr(type(value), "of_asset", None)
    if learn is None:
        return value
    return learn(value, declaration.key, declaration.arguments.get("partitions"))


class Asset(Generic[P, R]):
    """An asset: call it and it is the plain function, with no catalog and no storage.

    ``generation`` counts how often it was defined again; ``number`` grows with
    every definition of this process, so that of two the newer one is known.
    """

    generation: int
    number: int
    __wrapped__: Callable[P, R]
    _declaration: Declaration
    _definition: AssetDef | None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as it was written; a context made for that learns whose it is."""
        function: Callable[..., R] = self.__wrapped__
        given = [_at_home(one, self._declaration) for one in args]
        named = {name: _at_home(one, self._declaration) for name, one in kwargs.items()}
        return function(*given, **named)

    @property
    def key(self) -> AssetKey:
        """The asset's full name, with prefixes: ``sales/orders``."""
        return self._declaration.key

    @property
    def name(self) -> str:
        """The last part of the key: what a parameter name matches."""
        return self._declaration.key.rpartition("/")[2]

    @property
    def source(self) -> SourceLocation:
        """Where the function is defined."""
        return self._declaration.source

    @property
    def partitions(self) -> Any:
        """The partitions definition, or None."""
        return self._declaration.arguments.get("partitions")

    @property
    def scope(self) -> Mapping[str, Any]:
        """What the enclosing function knew by name when this was defined."""
        return self._declaration.scope

    @property
    def siblings(self) -> tuple[Asset[..., Any], ...]:
        """The other assets that the same function makes."""
        maker = self._declaration.maker
        if maker is None:
            return ()
        return tuple(one for one in maker.assets if one is not self)

    @property
    def definition(self) -> AssetDef:
        """All that was declared. Raises `DefinitionError` where an annotation cannot be read."""
        if self._definition is None:
            self._definition = self._declaration.define(self._declaration)
        return self._definition

    def __repr__(self) -> str:
        return f"<Asset {self.key} ({self.source})>"

    def _repr_html_(self) -> str | None:
        try:
            return asset_html(self.definition)
        except DefinitionError:  # told where the asset is used; here its name is enough
            return None

    def __reduce__(self) -> Any:
        module, qualname = self.__module__, self.__wrapped__.__qualname__
        if is_importable(module, qualname, lambda found: _handle_in(found, self.key) is self):
            return _handle_at, (module, qualname, self.key)
        return _blank_handle, (), (self._declaration, self.generation)

    def __setstate__(self, state: tuple[Declaration, int]) -> None:
        self._install(*state)

    def _install(self, declaration: Declaration, generation: int) -> None:
        self.__dict__.clear()
        update_wrapper(self, declaration.function)
        self._declaration, self._definition = declaration, None
        self.generation, self.number = generation, next(_numbers)


class MultiAsset(Generic[P, R]):
    """The assets that one function makes: call it and it is the plain function.

    ``multi["name"]`` is the asset of one output; passed to `materialize` or listed in
    `Definitions`, it stands for all of them.
    """

    __wrapped__: Callable[P, R]

    def __init__(self, function: Callable[P, R]) -> None:
        update_wrapper(self, function)
        self.by_output: dict[str, Asset[..., Any]] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as it was written."""
        return self.__wrapped__(*args, **kwargs)

    def __getitem__(self, output: str) -> Asset[..., Any]:
        if output not in self.by_output:
            hint = did_you_mean(str(output), self.by_output, what="outputs")
            raise UnknownAsset(f"{self!r} has no output {output!r}. {hint}")
        return self.by_output[output]

    def __iter__(self) -> Iterator[Asset[..., Any]]:
        return iter(self.assets)

    @property
    def assets(self) -> tuple[Asset[..., Any], ...]:
        """The assets, in the order in which the outputs were declared."""
        return tuple(self.by_output.values())

    @property
    def by_key(self) -> dict[AssetKey, Asset[..., Any]]:
        """The assets by key."""
        return {one.key: one for one in self.assets}

    def __repr__(self) -> str:
        keys = ", ".join(self.by_key)
        return f"<MultiAsset {self.__wrapped__.__name__}: {keys}>"

    def __reduce__(self) -> Any:
        module, qualname = self.__module__, self.__wrapped__.__qualname__
        if is_importable(module, qualname, lambda found: found is self):
            return _global_at, (module, qualname)
        return MultiAsset, (self.__wrapped__,), {"by_output": self.by_output}


def assets_of(value: Any) -> tuple[Asset[..., Any], ...]:
    """Return the assets that one value stands for: itself, or those of its function."""
    if isinstance(value, Asset):
        return (value,)
    return value.assets if isinstance(value, MultiAsset) else ()


def assets_among(values: Iterable[Any]) -> Iterator[Asset[..., Any]]:
    """Yield the assets among values, also those in lists, tuples and dicts.

    A collection whose first value is no asset is not looked through: it may be large.
    """
    for value in list(values):
        listed = value.values() if isinstance(value, dict) else value
        if not isinstance(value, list | tuple | dict):
            yield from assets_of(value)
        elif isinstance(next(iter(listed), None), Asset | MultiAsset):
            for one in listed:
                yield from assets_of(one)


_numbers = count()
_handles: WeakValueDictionary[tuple[str, str, AssetKey], Asset[..., Any]] = WeakValueDictionary()
_recorded: ContextVar[list[Declaration] | None] = ContextVar("recorded", default=None)


def handle_of(declaration: Declaration) -> Asset[..., Any]:
    """Return the handle of a declaration: the one that there is, or a new one."""
    handle = _find_handle(declaration)
    if handle is None:
        handle = _blank_handle()
        handle._install(declaration, 0)  # noqa: SLF001  handles are made here only
    else:
        handle._install(declaration, handle.generation + 1)  # noqa: SLF001
    function = declaration.function
    if "<locals>" not in function.__qualname__:
        _handles[function.__module__, function.__qualname__, declaration.key] = handle
    if (recorded := _recorded.get()) is not None:
        recorded.append(declaration)
    return handle


def project_assets(keys: Collection[AssetKey]) -> dict[AssetKey, Asset[..., Any]]:
    """Return, of some keys, those that a loaded module of the project defines, too."""
    return {
        key: handle
        for (module, _, key), handle in list(_handles.items())
        if key in keys
        and module != "__main__"
        and vars(_modules.get(module, object)) is handle.__wrapped__.__globals__
    }


@contextmanager
def recording() -> Iterator[list[Declaration]]:
    """Collect what is defined in the meantime, each time that it is: a repeat is there twice."""
    collected: list[Declaration] = []
    token = _recorded.set(collected)
    try:
        yield collected
    finally:
        _recorded.reset(token)


def _find_handle(declaration: Declaration) -> Asset[..., Any] | None:
    function = declaration.function
    handle = _handles.get((function.__module__, function.__qualname__, declaration.key))
    if handle is None or "<locals>" in function.__qualname__:
        return None
    # Two namespaces may carry one module name (run_path, doctests, two projects): only the
    # same one, or the module that was loaded again from its file, defines an asset again.
    here, there = function.__globals__, handle.__wrapped__.__globals__
    module = _modules.get(function.__module__)
    again = module is not None and vars(module) is here
    if here is there or (again and here.get("__file__") == there.get("__file__")):
        return handle
    return None


def _blank_handle() -> Asset[..., Any]:
    return Asset.__new__(Asset)


def _handle_at(module: str, qualname: str, key: AssetKey) -> Asset[..., Any]:
    handle: Asset[..., Any] = _handle_in(_global_at(module, qualname), key)
    return handle


def _handle_in(found: Any, key: AssetKey) -> Any:
    return found.by_key[key] if isinstance(found, MultiAsset) else found


def _global_at(module: str, qualname: str) -> Any:
    return find_global(import_module(module), qualname)
