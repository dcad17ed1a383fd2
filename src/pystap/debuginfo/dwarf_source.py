"""Debugging information as a source of places to probe in programs: functions, lines, labels, with their variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from ..arch import x86_64 as arch
from ..diagnostics import semantic_error
from ..program import nodes as n
from ..program.extension import TargetSource, VariableSource
from ..program.types import Type
from ..program.user_code import CodePlace, Exact, Which
from ..program.variable_locations import NumberTerm, Operation
from ..records import replace
from ..source import Span
from .dwarf import DebugInfo, Scope, open_debuginfo, unreadable
from .dwarf_calls import Call, calls_of
from .dwarf_elf import PF_X, PT_LOAD, ElfFile
from .dwarf_functions import FunctionInfo, entry_of, is_optimised
from .dwarf_programs import Program
from .dwarf_search import file_matches
from .dwarf_statements import NoLine, SourcePattern, StatementInfo
from .dwarf_threads import is_program, thread_block
from .dwarf_values import NotThere, Source, Surroundings, register, term_value
from .dwarf_variables import PlaceVariables, UnreadableVariables


class Placing(Protocol):
    """How places in a file become places in memory, for files that are no programs."""

    def around(self, info: DebugInfo, address: int) -> Surroundings:
        """Return what expressions need of where a probe at an address of the file fires."""
        ...

    def offset(self, info: DebugInfo, address: int) -> int:
        """Return what `CodePlace.offset` is for an address of the file. Raises LookupError."""
        ...


class ProcessFacts(Protocol):
    """What expressions can find out of the running process."""

    def thread_pointer(self, span: Span) -> n.Expression:
        """Return the thread pointer of the running thread: the base of fs on x86_64."""
        ...

    def auxiliary_vector(self, span: Span) -> n.Expression:
        """Return where the kernel has what it told the process at its start (auxv)."""
        ...

    def code_start(self, span: Span) -> n.Expression:
        """Return where the first executable segment of the process's program lies."""
        ...


class DwarfSource:
    """A `CodeSource` and `PlaceSource` by DWARF. Raises LookupError for patterns that cannot mean anything."""

    def __init__(self, process: ProcessFacts | None = None, placing: Placing | None = None) -> None:
        """`placing` is for files that are no programs: the kernel and its modules."""
        self._process = process
        self._placing = placing

    def functions(self, path: str, pattern: str, which: Which) -> Sequence[CodePlace] | None:
        """Return functions and inlined instances; None when the program has no debugging information."""
        wanted = _parsed(pattern)
        info = open_debuginfo(path) if wanted.file is None else _opened(path)
        if info is None:
            return None
        found = info.functions(wanted.function, wanted.file)
        if wanted.ranges:
            found = [function for function in found if _spans(info, function, wanted)]
        return [self._function(info, function, which) for function in found if _is_wanted(function, which)]

    def _function(self, info: DebugInfo, function: FunctionInfo, which: Which) -> CodePlace:
        returns = which == "return"
        address = function.entry if returns else function.after_prologue
        return self._place(info, function, address, _shown(function, function.line), returns)

    def statements(self, path: str, pattern: str, nearest: bool) -> Sequence[CodePlace] | None:
        """Return the statements of `FUNCTION@FILE:LINE`; None when the program has no debugging information.

        With `nearest` the line with code that is nearest counts. Raises LookupError for a line without code.
        """
        info = _opened(path)
        if info is None:
            return None
        wanted = _parsed(pattern)
        if wanted.kind == "none":
            return self.functions(path, pattern, "all")
        return [self._statement(info, one) for one in _statements(info, wanted, nearest)]

    def _statement(self, info: DebugInfo, one: StatementInfo) -> CodePlace:
        shown = f"{one.function.name}@{one.file}:{one.line}"
        return self._place(info, one.function, one.address, shown, False)

    def labels(self, path: str, pattern: str, label: str) -> Sequence[CodePlace] | None:
        """Return the labels of functions; None when the program has no debugging information."""
        info = _opened(path)
        if info is None:
            return None
        wanted = _parsed(pattern)
        found = []
        for function in info.functions(wanted.function, wanted.file):
            for name, line, address in info.labels(function):
                if fnmatchcase(name, label):
                    place = self._place(info, function, address, _shown(function, line), False)
                    found.append(replace(place, detail=name))
        return found

    def at_address(self, path: str, address: int, exact: Exact = "statement") -> Sequence[CodePlace] | None:
        """Return the place at an address of the program's file; None without debugging information.

        Raises LookupError where it lies in no function, and where no statement begins though one has to.
        """
        info = _opened(path)
        if info is None:
            return None
        function = info.function_at(address)
        if function is None:
            raise LookupError(f"address {address:#x} is in no function of '{path}'")
        start = info.statement_start(function, address)
        if exact == "nearest" and start is not None:
            address = start
        elif start != address and exact != "any":
            raise LookupError(
                f"address {address:#x} does not match the beginning of a statement"
                + (f" (try {start:#x})" if start is not None else "")
            )
        return [self._place(info, function, address, f"{address:#x}", False, lambda: info.scope_at(address))]

    def callees(self, path: str, pattern: str, callee: str, depth: int) -> Sequence[CodePlace] | None:
        """Return the functions that functions call, and the inlined ones in them."""
        info = _opened(path)
        if info is None:
            return None
        wanted, asked = _parsed(pattern), _parsed(callee)
        found: dict[int, CodePlace] = {}
        for function in info.functions(wanted.function, wanted.file):
            for call in calls_of(info, function, depth):
                called = call.function
                if _is_meant(called, asked):
                    place = self._place(info, called, called.entry, _shown(function, function.line), False)
                    guard = _called_from(info, call, self._around(info, call.function.entry)) if call.returns else None
                    named = _shown(called, called.line)
                    found.setdefault(called.entry, replace(place, detail=named, guard=guard))
        return list(found.values())

    def _place(
        self,
        info: DebugInfo,
        function: FunctionInfo,
        address: int,
        shown: str,
        returns: bool,
        scope: Callable[[], Scope | None] | None = None,
    ) -> CodePlace:
        """Return a place in a function; `scope` gives what the program has there where that is not the function's."""
        around = self._around(info, address, returns)
        known = scope if scope is not None else lambda: info.scope(function, address)

        def variables() -> Mapping[str, TargetSource]:
            return PlaceVariables(known, around, returns)

        offset = self._placing.offset(info, address) if self._placing is not None else _file_offset(info, address)
        entry = self._place(info, function, address, shown, False) if returns else None
        start = offset if self._placing is not None else info.elf.file_offset(function.entry) or 0
        place = CodePlace(function.name, shown, offset, variables, Program(info, around), start=start, entry=entry)
        if returns or self._placing is not None:
            return place
        return replace(place, call=lambda: self._call(info, function, address, place, known))

    def _call(
        self,
        info: DebugInfo,
        function: FunctionInfo,
        address: int,
        place: CodePlace,
        scope: Callable[[], Scope | None],
    ) -> tuple[CodePlace, VariableSource] | None:
        """Return the entry of the call that a place is in: values of the entry may be all that is known."""
        outer = info.scope(function, address).function if function.is_inline else function.die
        start = entry_of(outer)
        offset = info.elf.file_offset(start) if start is not None and start != address else None
        if start is None or offset is None or not is_optimised(outer):
            return None
        around = replace(self._around(info, start), at_entry=True)

        def variables() -> Mapping[str, TargetSource]:
            return PlaceVariables(scope, around)

        def frame(span: Span) -> n.Expression:
            found = info.scope(function, address).frame_address()
            if found is None:
                semantic_error(
                    f"where the frame of '{function.name}' lies is not known at this place", span, "operator '$'"
                )
            return term_value(Operation("-", found, NumberTerm(8)), self._around(info, address), span)

        return CodePlace(place.name, place.shown, offset, variables, place.program, start=offset), frame

    def described(self, path: str, place: CodePlace, which: Which) -> CodePlace:
        """Return a function that only a symbol names, with its variables: `malloc` is `__libc_malloc` in DWARF."""
        returns = which == "return"

        def variables() -> Mapping[str, TargetSource]:
            info = open_debuginfo(path)
            if info is None:
                reason = unreadable(path)
                return UnreadableVariables(reason) if reason else {}
            address = info.elf.address_of(place.offset)
            if address is None:
                return {}

            def scope() -> Scope | None:
                function = info.function_at(address)
                return info.scope(function, address) if function is not None and function.entry == address else None

            return PlaceVariables(scope, self._around(info, address, returns), returns)

        entry = self.described(path, place, "all") if returns else None
        return replace(place, variables=variables, entry=entry)

    def _around(self, info: DebugInfo, address: int, returns: bool = False) -> Surroundings:
        if self._placing is not None:
            return self._placing.around(info, address)
        shift = None
        if info.elf.is_shared:
            shift = self._shift_at_return(info.elf) if returns else _shift(address)
        pointer = self._process.thread_pointer if self._process is not None else None
        return Surroundings(True, shift, thread_block(info.elf, pointer, shift) if pointer is not None else None)

    def _shift_at_return(self, elf: ElfFile) -> Source:
        """Return by how much a program was moved, where the instruction pointer is somewhere in a caller."""
        start = min((one.address for one in elf.segments if one.type == PT_LOAD and one.flags & PF_X), default=0)

        def value(span: Span) -> n.Expression:
            if self._process is None or not is_program(elf):
                raise NotThere("where a library lies is known at the entry of its functions only; use @entry(...)")
            known = n.Constant(start, span=span, type=Type.LONG)
            return n.Binary("-", self._process.code_start(span), known, span=span, type=Type.LONG)

        return value


def _shift(address: int) -> Source:
    """Return by how much a program was moved when it was loaded: where the probe is, less where the file has that."""
    number = arch.DWARF_REGISTERS.index("ip")

    def value(span: Span) -> n.Expression:
        known = n.Constant(address, span=span, type=Type.LONG)
        return n.Binary("-", register(number, span), known, span=span, type=Type.LONG)

    return value


def _called_from(info: DebugInfo, call: Call, around: Surroundings) -> Source:
    """Return whether a function, at its entry, was called from one of the places that a call returns to."""
    stack = arch.DWARF_REGISTERS.index("sp")

    def value(span: Span) -> n.Expression:
        place = register(stack, span)
        back: n.Expression = n.ReadMemory(place, 0, 8, False, around.user, 0, span=span, type=Type.LONG)
        if around.shift is not None:
            back = n.Binary("-", back, around.shift(span), span=span, type=Type.LONG)
        whole: n.Expression = n.Constant(0, span=span, type=Type.LONG)
        for address in call.returns:
            known: n.Expression = n.Constant(address, span=span, type=Type.LONG)
            if around.moved is not None:
                known = around.moved(address, span)
            same = n.Binary("==", back, known, span=span, type=Type.LONG)
            whole = same if isinstance(whole, n.Constant) else n.Logical("||", whole, same, span=span, type=Type.LONG)
        return whole

    return value


def _opened(path: str) -> DebugInfo | None:
    """Return the debugging information of a file, None when it has none. Raises LookupError where it cannot be read."""
    info = open_debuginfo(path)
    reason = unreadable(path) if info is None else ""
    if reason:
        raise LookupError(reason)
    return info


def _file_offset(info: DebugInfo, address: int) -> int:
    offset = info.elf.file_offset(address)
    if offset is None:
        raise LookupError(f"address {address:#x} is not in the file '{info.elf.path}'")
    return offset


def _parsed(pattern: str) -> SourcePattern:
    try:
        return SourcePattern.parse(pattern)
    except ValueError as error:
        raise LookupError(str(error)) from None


def _spans(info: DebugInfo, function: FunctionInfo, wanted: SourcePattern) -> bool:
    """Tell whether a function spans one of the lines of a pattern."""
    start = function.line if wanted.kind == "relative" else 0
    return any(info.has_lines(function, start + first, start + last) for first, last in wanted.ranges)


def _statements(info: DebugInfo, wanted: SourcePattern, nearest: bool) -> list[StatementInfo]:
    try:
        return info.statements(wanted, nearest)
    except NoLine as error:
        tries = f" (try {' or '.join(f':{line}' for line in error.lines)})" if error.lines else ""
        raise LookupError(f"{error}{tries}") from None


def _shown(function: FunctionInfo, line: int) -> str:
    return f"{function.name}@{function.file}:{line}" if function.file else function.name


def _is_meant(function: FunctionInfo, pattern: SourcePattern) -> bool:
    if pattern.file is not None and not file_matches(function.file, pattern.file):
        return False
    return fnmatchcase(function.name, pattern.function)


def _is_wanted(function: FunctionInfo, which: Which) -> bool:
    match which:
        case "all":
            return True
        case "inline":
            return function.is_inline
        case "call" | "return":
            return not function.is_inline
        case "exported":
            return not function.is_inline and function.is_external
