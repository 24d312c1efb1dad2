"""Functions without a source (``exec``, a console): their bytecode counts instead."""

from __future__ import annotations

from types import CodeType, FunctionType

from assetkit.definitions.syntax import Reading

_MEANING_FLAGS = 0xFFFF  # flags above say how annotations are kept


def read_bytecode(function: FunctionType) -> Reading:
    """Return what counts of a function, by its bytecode: another Python may say otherwise."""
    return Reading(
        text=f"bytecode:{_code_text(function.__code__, function.__doc__)}",
        names=frozenset(_names(function.__code__)),
    )


def _code_text(code: CodeType, docstring: str | None = None) -> str:
    constants = code.co_consts
    if docstring is not None and constants and constants[0] == docstring:
        constants = (None, *constants[1:])
    return "|".join(
        (
            code.co_code.hex(),
            " ".join(code.co_names),
            " ".join(code.co_varnames),
            " ".join(code.co_freevars),
            f"{code.co_flags & _MEANING_FLAGS} {code.co_argcount} {code.co_kwonlyargcount}",
            "[" + ",".join(map(_constant_text, constants)) + "]",
        )
    )


def _constant_text(constant: object) -> str:
    if isinstance(constant, CodeType):
        return _code_text(constant)
    if isinstance(constant, frozenset):
        return "{" + ",".join(sorted(map(_constant_text, constant))) + "}"
    return repr(constant)


def _names(code: CodeType) -> set[str]:
    """Return the names that may be read, and, after each, the attributes that may be read of it."""
    names = set(code.co_names) | set(code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names | {f"{root}.{attribute}" for root in names for attribute in code.co_names}
