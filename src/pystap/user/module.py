"""The generated module while it grows: imports, constants and lines, and the names of what the code refers to."""

from __future__ import annotations

from ..program.builtins import Builtin
from ..program.fault_messages import FaultMessage
from ..program.limits import Limits
from ..program.nodes import Function
from ..program.symbols import Global, Local
from ..program.types import Type
from ..records import dataclass, field
from .globals import attribute_name

_HELPERS = {
    "arithmetic": ("divide", "remainder", "shift_left", "shift_right", "shift_right_unsigned", "wrap"),
    "arrays": ("by_avg", "by_column", "by_count", "by_key", "by_max", "by_min", "by_sum", "by_value", "by_variance"),
    "errors": ("RuntimeFault",),
    "formats": ("before_nul", "binary", "character", "integer", "memory", "string"),
    "memory": ("read_integer", "read_integer_or", "read_string", "read_string_or"),
    "regex": ("Regex",),
    "support": ("buckets", "set_global", "split_blocks", "stop_loop", "table_text"),
}
_HOME = {name: module for module, names in _HELPERS.items() for name in names}


@dataclass(slots=True)
class Line:
    """One line of code; `place` says where in the script an error that a built-in raises on it belongs."""

    text: str
    place: str = ""


@dataclass(slots=True)
class Module:
    """What the bodies share. Names are given on first use, so that only what is used is imported and defined."""

    limits: Limits
    uses_groups: bool
    """The script asks matched() or ngroups()."""
    helpers: set[str] = field(default_factory=set)
    builtins: dict[str, Builtin] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    """The text of a constant's value, and its name."""
    functions: dict[int, str] = field(default_factory=dict)

    def helper(self, name: str) -> str:
        """Return the name of a run-time support function and see to its import."""
        assert name in _HOME, name
        self.helpers.add(name)
        return name

    def constant(self, prefix: str, value: str) -> str:
        """Return the name of a module constant with this value (source text)."""
        if value not in self.constants:
            number = sum(name.startswith(prefix) for name in self.constants.values())
            self.constants[value] = f"{prefix}_{number}"
        return self.constants[value]

    def fault(self, message: FaultMessage) -> str:
        return self.constant("FAULT", ascii((message.message, message.place)))

    def builtin(self, row: Builtin) -> str:
        """Return the name of a built-in's function. Raises ValueError when it cannot be imported by its name."""
        user = row.user
        if not user.__qualname__.isidentifier():
            raise ValueError(f"the user code of {row.name}() is not a function of a module: {user.__qualname__}")
        name = f"b_{user.__qualname__}"
        self.builtins[name] = row
        return name

    def function(self, function: Function) -> str:
        """Return the Python name of a function of the script."""
        return self.functions.setdefault(id(function), self._free_function_name(function.name))

    def _free_function_name(self, name: str) -> str:
        base = wanted = "f_" + "".join(c if c.isalnum() else "_" for c in name)
        number = 1
        while wanted in self.functions.values():
            number += 1
            wanted = f"{base}_{number}"
        return wanted

    def header(self) -> list[str]:
        """Return the imports and constants."""
        by_module: dict[str, list[str]] = {}
        for name in sorted(self.helpers):
            by_module.setdefault(f"pystap.user.{_HOME[name]}", []).append(name)
        lines = [f"from {module} import {', '.join(names)}" for module, names in sorted(by_module.items())]
        for name, row in sorted(self.builtins.items()):
            lines.append(f"from {row.user.__module__} import {row.user.__qualname__} as {name}")
        if any(name.startswith("unpack_") for name in self.constants.values()):
            lines.append("from struct import Struct")
        lines.append("")
        lines.extend(f"{name} = {value}" for value, name in self.constants.items())
        return lines


@dataclass(slots=True)
class Scope:
    """One Python function: the names of its locals, its temporaries, and what it runs for.

    `in_event` is set for what may run while an event is handled, where context built-ins give captured values.
    """

    module: Module
    in_event: bool
    locals: dict[int, str] = field(default_factory=dict)
    place: str = ""
    """The place of the first built-in called in the statement that is being written."""
    _temporaries: int = 0

    def local(self, local: Local) -> str:
        """Return the Python name of a local; locals of the same name get different ones."""
        if id(local) not in self.locals:
            base = wanted = f"l_{local.name}"
            number = 1
            while wanted in self.locals.values():
                number += 1
                wanted = f"{base}_{number}"
            self.locals[id(local)] = wanted
        return self.locals[id(local)]

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"


def global_source(variable: Global) -> str:
    return f"g.{attribute_name(variable.name)}"


def empty_value(kind: Type) -> str:
    """Return the source of the value that a variable of this type starts with."""
    return '""' if kind is Type.STRING else "0"
