"""Dataclasses that are cheap to define: `dataclass`, `field` and `replace` as in the standard module.

The standard decorator compiles several methods for each class when the class is defined: 0.2 to 0.5 ms a class, and
6 ms for the module itself, which a start from the cache (50 ms in all) would pay for some fifty classes. This one
compiles a class's constructor for the dozenth instance, and shares all other methods. Type checkers see the
standard decorator. What differs: no `__post_init__`, no ordering, no `InitVar`, and `dataclasses.fields` does not know
these classes (`field_names` does).
"""

from __future__ import annotations

from .lean import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:

    class _Field:
        """What `field(...)` leaves in a class body until the decorator reads it."""

        __slots__ = ("default", "factory", "shown")

        def __init__(self, default, factory, shown):
            self.default, self.factory, self.shown = default, factory, shown

    _REQUIRED = object()
    _COMPILED_FROM = 12
    """The instance of a class for which its constructor is compiled."""
    _set_any = object.__setattr__

    def field(*, default=_REQUIRED, default_factory=None, repr=True):
        """Describe a field: its default, or what makes it, and whether `repr` shows it."""
        return _Field(default, default_factory, repr)

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, kw_only=False):
        """Make a class a dataclass."""

        def decorate(cls):
            return _decorate(cls, frozen, slots, eq, kw_only)

        return decorate if cls is None else decorate(cls)

    def replace(record, /, **changes):
        """Return a copy of a record with some fields changed."""
        for name in record._fields:
            if name not in changes:
                changes[name] = getattr(record, name)
        return record.__class__(**changes)

    def _decorate(cls, frozen, slots, eq, kw_only):
        namespace = dict(cls.__dict__)
        own = {}
        for name in namespace.get("__annotations__", ()):
            value = namespace.pop(name, _REQUIRED)
            described = value if isinstance(value, _Field) else _Field(value, None, True)
            own[name] = (described, kw_only)
        fields = {}
        for base in reversed(cls.__mro__[1:]):
            fields.update(base.__dict__.get("_own_fields", {}))
        fields.update(own)
        added = {
            "_own_fields": own,
            "_fields": fields,
            "_compared": eq,
            "__match_args__": tuple(name for name, (_, keyword) in fields.items() if not keyword),
            "__init__": _init_of_few(fields),
            "__repr__": _repr,
        }
        if frozen:
            added |= {"__setattr__": _refuse_set, "__delattr__": _refuse_delete}
        if eq:
            added |= {"__eq__": _equal, "__hash__": _hash if frozen else None}
        for name, value in added.items():
            if name not in namespace or name == "__match_args__":
                namespace[name] = value
        namespace.pop("__dict__", None)
        namespace.pop("__weakref__", None)
        if slots:
            namespace |= {"__slots__": tuple(own), "__getstate__": _get_state, "__setstate__": _set_state}
            return type(cls)(cls.__name__, cls.__bases__, namespace)
        for name in own:
            if name in cls.__dict__:
                delattr(cls, name)
        for name in added:
            setattr(cls, name, namespace[name])
        return cls

    def _init_of_few(fields):
        """Return a constructor that takes 4 us an instance. A compiled one takes 1, and 60 before."""
        positional = [name for name, (_, by_keyword) in fields.items() if not by_keyword]
        left = _COMPILED_FROM

        def __init__(self, *args, **kwargs):  # noqa: N807 - it becomes that method
            nonlocal left
            left -= 1
            values = _values_given(fields, positional, args, kwargs) if left > 0 else None
            if values is None:
                owner = next(c for c in type(self).__mro__ if c.__dict__.get("__init__") is __init__)
                owner.__init__ = _compile_init(owner, fields)
                owner.__init__(self, *args, **kwargs)
                return
            for name, value in values.items():
                _set_any(self, name, value)

        return __init__

    def _values_given(fields, positional, args, kwargs):
        """Return a record's values; None for arguments that do not fit, which the compiled constructor refuses."""
        if len(args) > len(positional):
            return None
        values = dict(zip(positional, args, strict=False))
        for name, value in kwargs.items():
            if name in values or name not in fields:
                return None
            values[name] = value
        if len(values) < len(fields):
            for name, (described, _) in fields.items():
                if name not in values:
                    if described.factory is not None:
                        values[name] = described.factory()
                    elif described.default is not _REQUIRED:
                        values[name] = described.default
                    else:
                        return None
        return values

    def _compile_init(cls, fields):
        """Return a constructor. It fills slots through their descriptors, past a `__setattr__` that refuses."""
        scope = {"_set_any": object.__setattr__, "_REQUIRED": _REQUIRED}
        positional, keyword, body = [], [], []
        for name, (described, by_keyword) in fields.items():
            parameter, value = name, name
            if described.factory is not None:
                scope[f"_make_{name}"] = described.factory
                parameter = f"{name}=_REQUIRED"
                value = f"_make_{name}() if {name} is _REQUIRED else {name}"
            elif described.default is not _REQUIRED:
                scope[f"_default_{name}"] = described.default
                parameter = f"{name}=_default_{name}"
            (keyword if by_keyword else positional).append(parameter)
            slot = getattr(cls, name, None)
            if hasattr(slot, "__set__"):
                scope[f"_set_{name}"] = slot.__set__
                body.append(f"    _set_{name}(self, {value})")
            else:
                body.append(f"    _set_any(self, {name!r}, {value})")
        parameters = ", ".join(["self", *positional, *(["*", *keyword] if keyword else [])])
        exec(f"def __init__({parameters}):\n" + ("\n".join(body) or "    pass"), scope)
        made = scope["__init__"]
        made.__qualname__ = f"{cls.__qualname__}.__init__"
        return made

    def _refuse_set(self, name, value):
        raise AttributeError(f"cannot assign to field {name!r}")

    def _refuse_delete(self, name):
        raise AttributeError(f"cannot delete field {name!r}")

    def _repr(self):
        shown = [
            f"{name}={getattr(self, name)!r}" for name, (f, _) in self._fields.items() if f.shown and name != "span"
        ]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def _values(self):
        return tuple([getattr(self, name) for name in self._fields])

    def _equal(self, other):
        return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented

    def _hash(self):
        return hash(_values(self))

    def _get_state(self):
        return list(_values(self))

    def _set_state(self, state):
        for name, value in zip(self._fields, state, strict=True):
            object.__setattr__(self, name, value)


def field_names(record: object) -> tuple[str, ...]:
    """Return the names of the fields of a record or a record class, in the order of its constructor."""
    fields: dict[str, Any] = record._fields  # type: ignore[attr-defined]
    return tuple(fields)
