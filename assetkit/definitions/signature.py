"""What a function's parameters ask for: upstream assets, resources, configuration, the context.

Rule 1: names and defaults are read when the asset is defined, annotations when its
definition is first asked for: then all modules are loaded and all names exist.
Rule 2: pydantic is not loaded to find out that nothing needs it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import FunctionType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from assetkit.definitions.asset import AssetDef, Input
from assetkit.definitions.handles import Declaration
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.names import shown
from assetkit.errors import DefinitionError, InvalidArgument, did_you_mean

CONTEXT = "context"
_CONTEXT_CLASS = "AssetContext"
_ANNOTATION_NAME = re.compile(r"[^\W\d]\w*")
_BY_NAME = AssetIn()
_NOT_GIVEN: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Parameters:
    """The names of a function's parameters, in order, and which of them have a default."""

    names: tuple[str, ...]
    defaulted: frozenset[str]


def read_parameters(function: Callable[..., Any], *, owner: str) -> Parameters:
    """Return what can be read without annotations.

    Raises `InvalidArgument` where a parameter cannot be matched by its name.
    """
    if hasattr(function, "__wrapped__"):
        return _read_wrapped(function, owner=owner)
    code = function.__code__
    count = code.co_argcount
    names = code.co_varnames[: count + code.co_kwonlyargcount]
    if code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
        place = len(names)
        star = "*" if code.co_flags & CO_VARARGS else "**"
        raise _unmatched(owner, star + code.co_varnames[place])
    if code.co_posonlyargcount:
        raise _unmatched(owner, f"{names[0]}, /")
    _refuse_methods(names, function.__qualname__, owner=owner)
    defaults = getattr(function, "__defaults__", None) or ()
    keyword_defaults = getattr(function, "__kwdefaults__", None) or ()
    defaulted = frozenset((*names[count - len(defaults) : count], *keyword_defaults))
    return Parameters(names, defaulted)


def _read_wrapped(function: Callable[..., Any], *, owner: str) -> Parameters:
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            slash = ", /" if parameter.kind is parameter.POSITIONAL_ONLY else ""
            raise _unmatched(owner, str(parameter).split(":")[0].split("=")[0] + slash)
    names = tuple(parameter.name for parameter in parameters)
    _refuse_methods(names, function.__qualname__, owner=owner)
    defaulted = (one.name for one in parameters if one.default is not _NOT_GIVEN)
    return Parameters(names, frozenset(defaulted))


def _unmatched(owner: str, parameter: str) -> InvalidArgument:
    return InvalidArgument(
        f"{owner} takes {parameter!r}, but inputs are matched by the names of parameters. "
        "Name each input as a parameter of its own, or list what is not loaded in deps=[...]."
    )


def _refuse_methods(names: tuple[str, ...], qualname: str, *, owner: str) -> None:
    if names and names[0] in ("self", "cls") and "." in qualname:
        raise InvalidArgument(
            f"{owner} is a method ({names[0]!r} comes first), but an asset is a function. "
            "Define it outside of the class."
        )


def define(declaration: Declaration) -> AssetDef:
    """Return the definition: annotations evaluated, each parameter classified.

    Raises `DefinitionError` naming the parameter whose annotation does not do.
    """
    arguments = dict(declaration.arguments)
    ins: Mapping[str, AssetIn] = arguments.pop("ins", {})
    deps: tuple[Input, ...] = arguments.pop("deps", ())
    owner = f"Asset {declaration.key!r} ({declaration.source})"
    parameters = read_parameters(declaration.function, owner=owner)
    sorted_out = _Sorted(owner, declaration, parameters.defaulted, ins)
    for name in parameters.names:
        sorted_out.add(name)
    return AssetDef(
        key=declaration.key,
        function=declaration.function,
        source=declaration.source,
        inputs=(*sorted_out.inputs, *deps),
        resources=sorted_out.resources,
        config=sorted_out.config,
        wants_context=sorted_out.context,
        **arguments,
    )


class _Sorted:
    """Parameters by what they ask for."""

    def __init__(
        self,
        owner: str,
        declaration: Declaration,
        defaulted: frozenset[str],
        ins: Mapping[str, AssetIn],
    ) -> None:
        self.owner, self.declaration, self.defaulted, self.ins = owner, declaration, defaulted, ins
        self.annotations = _annotations(declaration.function)
        self.inputs: list[Input] = []
        self.resources: dict[str, Any] = {}
        self.config: tuple[str, type] | None = None
        self.context: str | None = None

    def add(self, name: str) -> None:
        raw = self.annotations.get(name)
        if _class_name(raw) == _CONTEXT_CLASS or name == CONTEXT:
            self._take_context(name, raw)
            return
        annotation = _plain(self._evaluated(name, raw))
        if _is_subclass(annotation, "Resource"):
            self.resources[name] = annotation
        elif _is_subclass(annotation, "Config"):
            self._take_config(name, annotation)
        else:
            self.inputs.append(self._input(name, annotation))
            return
        if name in self.ins:
            kind = "a resource" if name in self.resources else "configuration"
            raise InvalidArgument(
                f"{self.owner}: ins has an entry for {name!r}, but that parameter is {kind} by its "
                "annotation. Take it out of ins, or annotate the parameter with the type to load."
            )

    def _take_context(self, name: str, raw: Any) -> None:
        if raw not in (None, Any, "Any", "typing.Any") and _class_name(raw) != _CONTEXT_CLASS:
            raise InvalidArgument(
                f"{self.owner}: the parameter {CONTEXT!r} is reserved for the AssetContext, but is "
                f"annotated {shown(raw)}. Give an input another name, or leave the annotation out."
            )
        if self.context is not None:
            raise InvalidArgument(
                f"{self.owner} takes the context twice, as {self.context!r} and {name!r}. Keep one."
            )
        self.context = name

    def _take_config(self, name: str, annotation: type) -> None:
        if self.config is not None:
            raise InvalidArgument(
                f"{self.owner} takes configuration twice, as {self.config[0]!r} and {name!r}. "
                "Put all fields into one class."
            )
        self.config = (name, annotation)

    def _input(self, name: str, annotation: Any) -> Input:
        said = self.ins.get(name, _BY_NAME)
        return Input(
            parameter=name,
            upstream=name if said.key is None else said.key,
            mapping=said.partitions,
            columns=said.columns,  # type: ignore[arg-type]  # AssetIn made it a tuple
            load_as=annotation if said.load_as is None else said.load_as,
            need=said.need,
            grace=said.grace,
            optional_name=name in self.defaulted and said.key is None,
        )

    def _evaluated(self, name: str, raw: Any) -> Any:
        if not isinstance(raw, str):
            return raw
        function = inspect.unwrap(self.declaration.function)
        known = {**_closure(function), **self.declaration.scope}
        try:
            # What annotations are: expressions of the module that they stand in.
            return eval(raw, function.__globals__, known)  # noqa: S307
        except Exception as error:
            raise DefinitionError(
                f"{self.owner}: the annotation {raw!r} of parameter {name!r} cannot be read "
                f"({type(error).__name__}: {error}), but it says what to load. {_remedy(error)}"
            ) from error


def _remedy(error: Exception) -> str:
    if isinstance(error, NameError):
        return f"Import {error.name!r} where the module runs, not only under TYPE_CHECKING."
    return "Mend the annotation, or leave it out for a pandas.DataFrame."


def annotation_names(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names that a function's annotations mention as text, to be looked up later."""
    texts = [one for one in _annotations(function).values() if isinstance(one, str)]
    return frozenset(name for text in texts for name in _ANNOTATION_NAME.findall(text))


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    return getattr(function, "__annotations__", None) or {}


def _closure(function: Any) -> dict[str, Any]:
    if not isinstance(function, FunctionType) or not function.__closure__:
        return {}
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # a name that is assigned later
            continue
    return found


def _class_name(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2].strip("'\" ")
    return getattr(annotation, "__name__", "") if isinstance(annotation, type) else ""


def _plain(annotation: Any) -> Any:
    """Return the type inside `Annotated[...]` and `... | None`."""
    if annotation is None or type(annotation) is type:
        return annotation
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        others = [one for one in get_args(annotation) if one is not NoneType]
        return _plain(others[0]) if len(others) == 1 else annotation
    return None if annotation is Any else annotation


def _is_subclass(annotation: Any, name: str) -> bool:
    module = sys.modules.get("assetkit.definitions.resources")
    return (
        module is not None
        and isinstance(annotation, type)
        and issubclass(annotation, getattr(module, name))
    )


def check_ins(names: tuple[str, ...], ins: Mapping[str, Any], *, owner: str) -> None:
    """Refuse entries of ``ins`` that are no parameters."""
    for name in ins:
        if name not in names:
            hint = did_you_mean(name, [one for one in names if one != CONTEXT], what="parameters")
            raise InvalidArgument(
                f"{owner}: ins has an entry for {name!r}, but the function has no such parameter. "
                f"{hint} What is not loaded belongs in deps=[...]."
            )
        if name == CONTEXT:
            raise InvalidArgument(f"{owner}: ins has an entry for 'context', which is no input.")
