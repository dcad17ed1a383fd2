"""Light stand-ins for parts of the standard library that take long to import.

A start from the cache takes some 40 ms, and `typing`, `collections.abc` (which brings all of `collections`), `enum` and
`contextlib` would be 10 of them. Modules that run at such a start take these names from here; type checkers see the
standard ones. What differs: the names for annotations only hold a place (no `isinstance`), and the enumerations have no
aliases, no `auto()` and no flags.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable as Callable
    from collections.abc import Generator as Generator
    from collections.abc import Iterable as Iterable
    from collections.abc import Iterator as Iterator
    from collections.abc import Mapping as Mapping
    from collections.abc import Sequence as Sequence
    from contextlib import suppress as suppress
    from enum import Enum as Enum
    from enum import IntEnum as IntEnum
    from types import FrameType as FrameType
    from typing import Any as Any
    from typing import Final as Final
    from typing import Literal as Literal
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import TypeVar as TypeVar
    from typing import assert_never as assert_never
    from typing import cast as cast
    from typing import overload as overload
else:

    class _ForAnnotations(type):
        """Classes of this kind stand in annotations and aliases: `X[A, B]` and `X | None` are X."""

        def __getitem__(cls, parameters):
            return cls

        def __or__(cls, other):
            return cls

        __ror__ = __or__

    class Any(metaclass=_ForAnnotations):
        """Stands for all names that occur in annotations alone."""

        __slots__ = ()

    Callable = Generator = Iterable = Iterator = Mapping = Sequence = FrameType = Final = Literal = NoReturn = Any

    class Protocol:
        """A base class that adds nothing."""

        __slots__ = ()

        def __class_getitem__(cls, parameters):
            return cls

    def TypeVar(name, **_):  # noqa: N802 - it stands for typing's
        """Return something to write into annotations."""
        return Any

    def cast(kind, value):
        """Return the value."""
        return value

    def overload(function):
        """Return the function: what comes last under its name counts."""
        return function

    def assert_never(value):
        """Raise an error: what calls this is never reached."""
        raise AssertionError(f"unexpected {value!r}")

    class suppress:  # noqa: N801 - it stands for contextlib's
        """Pass over exceptions of these types."""

        __slots__ = ("_kinds",)

        def __init__(self, *kinds):
            self._kinds = kinds

        def __enter__(self):
            return None

        def __exit__(self, kind, error, traceback):
            return kind is not None and issubclass(kind, self._kinds)

    class _EnumMeta(type):
        """Makes a member of each value in the class body; the class can be called, indexed, iterated and asked."""

        def __new__(meta, name, bases, body):
            values = {k: v for k, v in body.items() if k[0] != "_" and not hasattr(v, "__get__")}
            cls = type.__new__(meta, name, bases, {k: v for k, v in body.items() if k not in values})
            cls._by_value, cls.__members__ = {}, {}
            for key, value in values.items():
                member = cls._by_value.get(value)
                if member is None:
                    member = int.__new__(cls, value) if issubclass(cls, int) else object.__new__(cls)
                    member.name, member.value = key, value
                    cls._by_value[value] = member
                cls.__members__[key] = member
                type.__setattr__(cls, key, member)
            return cls

        def __call__(cls, value):
            member = value if value.__class__ is cls else cls._by_value.get(value)
            if member is None:
                raise ValueError(f"{value!r} is not a valid {cls.__qualname__}")
            return member

        def __getitem__(cls, name):
            return cls.__members__[name]

        def __iter__(cls):
            return iter(cls._by_value.values())

        def __len__(cls):
            return len(cls._by_value)

        def __contains__(cls, value):
            return value.__class__ is cls or value in cls._by_value

    class Enum(metaclass=_EnumMeta):
        """Named values; a member is equal to itself alone."""

        def __repr__(self):
            return f"<{self.__class__.__name__}.{self.name}: {self.value!r}>"

        def __str__(self):
            return f"{self.__class__.__name__}.{self.name}"

        def __copy__(self):
            return self

        def __deepcopy__(self, memo):
            return self

        def __reduce__(self):
            return self.__class__, (self.value,)

    class IntEnum(int, metaclass=_EnumMeta):
        """Named numbers, which are numbers."""

        __repr__ = Enum.__repr__
        __copy__, __deepcopy__, __reduce__ = Enum.__copy__, Enum.__deepcopy__, Enum.__reduce__
