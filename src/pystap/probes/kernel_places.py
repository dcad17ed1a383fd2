"""What the forms on kernel code have in common: modules by name, pattern or path, and addresses.

module("usb*"), module("/lib/modules/.../ext4.ko")      the loaded modules that are meant
0xffffffff812f0000 of vmlinux                           the function that it lies in, and how far behind its start
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase

from ..diagnostics import near_names, semantic_error
from ..lean import NoReturn
from ..program import nodes as n
from ..program.extension import PointPart, VariableSource
from ..program.types import Type
from ..source import Span
from .kernel_functions import FunctionFacts

_SUFFIXES = (".xz", ".zst", ".gz", ".ko", ".debug")


def modules_of(parts: Sequence[PointPart], facts: FunctionFacts) -> list[str]:
    """Return the modules that a point names, as the kernel spells them; [""] for the kernel itself.

    Raises ScriptError when there is none.
    """
    part = next((part for part in parts if part.name == "module"), None)
    if part is None:
        return [""]
    written = str(part.argument)
    subject = f"identifier '{part.name}'"
    if "/" in written and not os.path.exists(written):
        semantic_error(f"no match: there is no module file '{written}'", part.span, subject)
    name = written.rpartition("/")[2]
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    name = name.replace("-", "_").replace(",", "_")
    if any(c in name for c in "*?["):
        found = sorted(own for own in facts.modules() if fnmatchcase(own, name))
        if not found:
            semantic_error(f"no match: no loaded module is named like '{written}'", part.span, subject)
        return found
    if not facts.has_module(name):
        semantic_error(f"no match: {_missing_module(name, facts)}", part.span, subject)
    return [name]


def _missing_module(name: str, facts: FunctionFacts) -> str:
    """Return what is the matter with a module that is not loaded."""
    if facts.is_built_in(name):
        return f"module '{name}' is part of the kernel itself here: use kernel.… in place of module(\"{name}\").…"
    if facts.module_file(name):
        return f"module '{name}' is not loaded (modprobe {name} loads it)"
    near = near_names(name, facts.modules())
    hint = f" (similar modules: {', '.join(near)})" if near else ""
    return f"module '{name}' is not loaded, and this kernel has no such module{hint}"


def located_in(facts: FunctionFacts, module: str, address: int, part: PointPart) -> tuple[str, int]:
    """Return the function that an address of the kernel's or a module's file lies in, and how far behind its start.

    Raises ScriptError.
    """
    address &= 0xFFFF_FFFF_FFFF_FFFF
    found = facts.located(address, module)
    if found is None:
        what = f"the file of module '{module}'" if module else "the kernel's file (vmlinux, System.map)"
        hint = "" if module else "; an address of the running kernel (/proc/kallsyms) needs .absolute"
        message = f"no match: {address:#x} lies in no function of {what}{hint}"
        semantic_error(message, part.span, f"identifier '{part.name}'")
    return found


def needs_debuginfo(facts: FunctionFacts, why: str, part: PointPart, module: str = "") -> NoReturn:
    """Raise the error for what only debuginfo tells."""
    message = f"no match for '{part.argument}': {why}; {facts.debuginfo_hint(module)}"
    semantic_error(message, part.span, f"identifier '{part.name}'")


def text_row(texts: tuple[str, ...]) -> VariableSource:
    """Return the text of the place that fired."""

    def value(span: Span) -> n.Expression:
        if len(texts) == 1:
            return n.Constant(texts[0], span=span, type=Type.STRING)
        return n.TableText(
            texts, n.ContextValue(n.ContextKind.POINT, span=span, type=Type.LONG), "", span=span, type=Type.STRING
        )

    return value
