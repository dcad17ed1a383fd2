"""A stand-in for `dataclasses.dataclass` that makes the many node classes of the tree cheap to import.

The standard decorator compiles several methods for each class as it is defined: 20 ms for this tree, more than a
whole script takes to parse. This one compiles a class's constructor when the first instance is made. Type checkers
see the standard decorator, and `dataclasses.fields`, `replace` and `is_dataclass` work on the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

_REQUIRED: Final = object()


def dataclass(*, frozen: bool, slots: bool, eq: bool, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """Return a decorator that makes a class a frozen dataclass with slots, compared by identity.

    Only that kind is offered: the other parameters must be `frozen=True, slots=True, eq=False`.
    """
    if not frozen or not slots or eq:
        raise TypeError("only frozen dataclasses with slots, without equality, are offered here")

    def decorate(cls: type[T]) -> type[T]:
        namespace = dict(cls.__dict__)
        own = tuple(namespace.get("__annotations__", ()))
        defaults = {name: namespace.pop(name, _REQUIRED) for name in own}
        inherited: dict[str, tuple[object, bool]] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited.update(base.__dict__.get("_own_fields", {}))
        namespace.pop("__dict__", None)
        namespace.pop("__weakref__", None)
        fields = {name: (default, kw_only) for name, default in defaults.items()}
        everything = {**inherited, **fields}
        namespace.update(_SHARED)
        namespace["__slots__"] = own
        namespace["_own_fields"] = fields
        namespace["_fields"] = everything
        namespace["__match_args__"] = tuple(name for name, (_, keyword) in everything.items() if not keyword)
        namespace["__init__"] = _init_at_first_use(everything)
        return cast("type[T]", type(cls.__name__, cls.__bases__, namespace))

    return decorate


def _init_at_first_use(fields: dict[str, tuple[object, bool]]) -> Callable[..., None]:
    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807 - it becomes that method
        cls = type(self)
        owner = next(c for c in cls.__mro__ if c.__dict__.get("__init__") is __init__)
        compiled = _compile_init(owner, fields)
        setattr(owner, "__init__", compiled)  # noqa: B010 - a type checker forbids the plain assignment
        compiled(self, *args, **kwargs)

    return __init__


def _compile_init(cls: type, fields: dict[str, tuple[object, bool]]) -> Callable[..., None]:
    """Return a constructor that fills the slots through their descriptors, past the `__setattr__` that refuses."""
    scope: dict[str, Any] = {}
    positional: list[str] = []
    keyword: list[str] = []
    body: list[str] = []
    for name, (default, by_keyword) in fields.items():
        scope[f"_set_{name}"] = getattr(cls, name).__set__
        parameter = name
        if default is not _REQUIRED:
            scope[f"_default_{name}"] = default
            parameter = f"{name}=_default_{name}"
        (keyword if by_keyword else positional).append(parameter)
        body.append(f"    _set_{name}(self, {name})")
    parameters = ", ".join(["self", *positional, *(["*", *keyword] if keyword else [])])
    exec(f"def __init__({parameters}):\n" + "\n".join(body), scope)
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _refuse_set(self: object, name: str, value: object) -> None:
    raise AttributeError(f"cannot assign to field {name!r}")


def _refuse_delete(self: object, name: str) -> None:
    raise AttributeError(f"cannot delete field {name!r}")


def _repr(self: Any) -> str:
    shown = [f"{name}={getattr(self, name)!r}" for name in self._fields if name != "span"]
    return f"{type(self).__name__}({', '.join(shown)})"


def _get_state(self: Any) -> list[object]:
    return [getattr(self, name) for name in self._fields]


def _set_state(self: Any, state: list[object]) -> None:
    for name, value in zip(self._fields, state, strict=True):
        object.__setattr__(self, name, value)


class _StandardFields:
    """Gives `dataclasses` what it looks for: made when it first asks, then kept in the class."""

    def __get__(self, instance: object, owner: Any) -> dict[str, Any]:
        import copy
        import dataclasses

        if not _PROTOTYPE:
            _PROTOTYPE.append(dataclasses.fields(dataclasses.make_dataclass("_Prototype", ["prototype"]))[0])
        made: dict[str, Any] = {}
        for name, (default, kw_only) in owner._fields.items():
            field = made[name] = copy.copy(_PROTOTYPE[0])
            field.name = name
            field.kw_only = kw_only
            field.default = dataclasses.MISSING if default is _REQUIRED else default
        owner.__dataclass_fields__ = made
        return made


_PROTOTYPE: Final[list[Any]] = []
_SHARED: Final[dict[str, object]] = {
    "__setattr__": _refuse_set,
    "__delattr__": _refuse_delete,
    "__repr__": _repr,
    "__getstate__": _get_state,
    "__setstate__": _set_state,
    "__dataclass_fields__": _StandardFields(),
}
