"""Debugging information of the kernel and its modules as a source of places to probe, with their variables.

The kernel's file is linked for one address and moved as a whole; the sections of a module's file go to places of their
own. Addresses in memory are therefore sums of where something was loaded, which is known when the session starts, and
an offset. A place to be probed is a symbol and an offset behind it, which the kernel resolves itself.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from functools import cache

from ..program import nodes as n
from ..program.attach import FunctionPoint
from ..program.extension import LoadAddress
from ..program.types import Type, wrap_long
from ..program.user_code import CodePlace, Exact
from ..records import dataclass
from ..source import Span
from .dwarf import DebugInfo, open_debuginfo
from .dwarf_elf import ElfFile, Section, open_elf
from .dwarf_programs import Program
from .dwarf_source import DwarfSource
from .dwarf_values import Surroundings
from .kernel_symbols import kernel_build_id, module_build_id

_KERNEL_FILES = (
    "/usr/lib/debug/boot/vmlinux-{0}", "/usr/lib/debug/lib/modules/{0}/vmlinux", "/lib/modules/{0}/build/vmlinux",
    "/lib/modules/{0}/vmlinux", "/boot/vmlinux-{0}",
)  # fmt: skip
_MODULE_FOLDERS = ("/usr/lib/debug/lib/modules/{0}", "/lib/modules/{0}")
_SYMBOL_OF_TEXT = "_text"


def _loaded_at(name: str, offset: int, span: Span) -> n.Expression:
    base = n.ContextValue(n.ContextKind.LOADED_AT, 0, name, span=span, type=Type.LONG)
    return n.Binary("+", base, n.Constant(wrap_long(offset), span=span, type=Type.LONG), span=span, type=Type.LONG)


def _surroundings(info: DebugInfo, module: str, address: LoadAddress) -> Surroundings:
    def moved(static: int, span: Span) -> n.Expression:
        if not module:
            return address("", static - _linked_text(info.elf), span)
        section = _section_of(info.data.elf, static)
        return address(f"{module}:{section.name}", static - section.address, span)

    return Surroundings(False, moved=moved)


@dataclass(frozen=True, slots=True)
class KernelPlacing:
    """Where code and variables of the kernel ("") or a module are: offsets stay addresses of the file."""

    module: str

    def around(self, info: DebugInfo, address: int) -> Surroundings:
        return _surroundings(info, self.module, _loaded_at)

    def offset(self, info: DebugInfo, address: int) -> int:
        return address


def _section_of(elf: ElfFile, address: int) -> Section:
    """Return the section that an address of the file lies in, or at the end of. Raises LookupError."""
    for past_end in (0, 1):
        for section in elf.sections:
            if section.address and section.address <= address < section.address + section.size + past_end:
                return section
    raise LookupError(f"address {address:#x} is in no section of '{elf.path}'")


def _linked_text(elf: ElfFile) -> int:
    """Return the address of `_text`, with which the kernel's section .text begins. Raises LookupError."""
    for section in elf.sections:
        if section.name == ".text":
            return section.address
    raise LookupError(f"'{elf.path}' has no section .text")


class KernelDwarf:
    """The debugging information of the kernel ("") or of a loaded module. `source` answers about its code."""

    def __init__(self, info: DebugInfo, module: str) -> None:
        self._info = info
        self._module = module
        self.path = info.elf.path
        self.source = DwarfSource(placing=KernelPlacing(module))
        symbols = sorted((address, name) for name, address, _ in info.elf.function_symbols())
        self._addresses = [address for address, _ in symbols]
        self._names = [name for _, name in symbols]
        self._repeated = Counter(name for _, name in set(symbols))

    def point(self, place: CodePlace) -> FunctionPoint:
        """Return where the kernel is asked to put the probe."""
        address = place.offset
        if not self._module:
            return FunctionPoint(place.name, 0, 0, "", False, address - _linked_text(self._info.elf), _SYMBOL_OF_TEXT)
        at = bisect_right(self._addresses, address) - 1
        if at < 0:
            raise LookupError(f"address {address:#x} is in no function of '{self.path}'")
        symbol = self._names[at]
        return FunctionPoint(place.name, 0, 0, self._module, False, address - self._addresses[at], symbol)

    def at_address(self, address: int, exact: Exact) -> tuple[CodePlace, int] | None:
        """Return the place at an address of the kernel's file or a module's section .text, and its address there.

        None for an address in no function that is described. Raises LookupError where no statement begins.
        """
        text = 0
        if self._module:
            section = self._info.data.elf.section(".text")
            text = section.address if section is not None and self._info.data.elf.is_relocatable else 0
        if self._info.function_at(text + address) is None:
            return None
        try:
            [place] = self.source.at_address(self.path, text + address, exact) or ()
        except LookupError:
            [start] = self.source.at_address(self.path, text + address, "nearest") or ()
            message = f"address {address:#x} does not match the beginning of a statement (try {start.offset - text:#x})"
            raise LookupError(message) from None
        return place, place.offset - text

    def symbol(self, place: CodePlace) -> str:
        """Return the symbol that a place is the start of, "" when it lies inside a function.

        Several static functions of the kernel may share one; then it says nothing, and is "".
        """
        at = bisect_right(self._addresses, place.offset) - 1
        if at < 0 or self._addresses[at] != place.offset or self._repeated[self._names[at]] > 1:
            return ""
        return self._names[at]

    def is_kept(self, place: CodePlace) -> bool:
        """Tell whether a place is in code that the kernel keeps: what only initialises is freed once it has run."""
        return not _section_of(self._info.data.elf, place.offset).name.startswith(".init")

    def variables(self, address: LoadAddress) -> Program:
        """Return the variables, for code that may run in user space: `address` makes where something was loaded."""
        return Program(self._info, _surroundings(self._info, self._module, address))


@cache
def kernel_dwarf(module: str, path: str, release: str) -> KernelDwarf | None:
    """Return what debuginfo tells of the kernel or a module; None when there is none of this build.

    `path` is the module's file where the script names it, "" otherwise.
    """
    wanted = module_build_id(module) if module else kernel_build_id()
    for candidate in [path] if path else _candidates(module, release):
        elf = open_elf(candidate) if os.path.isfile(candidate) else None
        if elf is None or (wanted and elf.build_id and elf.build_id != wanted):
            continue
        info = open_debuginfo(candidate)
        if info is not None:
            return KernelDwarf(info, module)
    return None


def _candidates(module: str, release: str) -> Iterator[str]:
    if not module:
        yield from (pattern.format(release) for pattern in _KERNEL_FILES)
        return
    for folder in _MODULE_FOLDERS:
        for where, _, names in os.walk(folder.format(release)):
            for name in names:
                stem, _, rest = name.partition(".ko")
                if rest in ("", ".debug") and name != stem and stem.replace("-", "_") == module:
                    yield f"{where}/{name}"
