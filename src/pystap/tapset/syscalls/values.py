"""The variables of system calls as expressions: operations on arguments, and decoders that user space applies.

flags        the low 32 bits of argument 1, signed
flags_str    _syscall_decoded("open_flags/1", call, argument 1)
filename     _syscall_decoded("path/1", call, argument 0, block of memory: text at argument 0)
argstr       _syscall_argstr(call, arguments 0 to 5, block of memory: what the decoders of that call need)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...program import nodes as n
from ...program.extension import VariableSource
from ...program.types import Type
from ...program.user_memory import COMPAT_CALL, UserRead
from ...records import replace
from ...source import Span
from ..functions import syscall as rows
from . import calls, decoder
from .calls import call_of_number, new_layout
from .tables import Call, Use, call, reads

_LONGEST_TEXT = 511
_MOST_COMPARED = 8
_PTRACE_GETEVENTMSG, _PTRACE_ARCH_PRCTL = 0x4201, 30
"""include/uapi/linux/ptrace.h, arch/x86/include/uapi/asm/ptrace-abi.h"""


class CallTables:
    """The tables as probes see them (the protocol of probes/syscall.py)."""

    def call_names(self) -> Sequence[str]:
        return calls.call_names()

    def call_numbers(self, name: str) -> frozenset[int] | None:
        return calls.call_numbers(name)

    def name_table(self, compat: bool) -> Sequence[str]:
        return calls.name_table(compat)

    def shown_name(self, number: int) -> str:
        return calls.shown_name(number)

    def name(self, span: Span, returns: bool) -> n.Expression:
        row = rows.RETURN_NAME_ROW if returns else rows.NAME_ROW
        return n.BuiltinCall(row, [_number(span)], span=span, type=Type.STRING)

    def changing(self) -> frozenset[int]:
        return calls.changing()

    def is_one_of(self, changing: frozenset[int], span: Span) -> n.Expression:
        """Return a comparison with few calls; for many, where only texts are asked for, a function of user space."""
        if len(changing) > _MOST_COMPARED:
            return n.BuiltinCall(rows.CHANGES_ROW, [_number(span)], span=span, type=Type.LONG)
        found: n.Expression = long(0, span)
        for call_number in sorted(changing):
            same = n.Binary("==", _number(span), long(call_number, span), span=span, type=Type.LONG)
            found = n.Logical("||", found, same, span=span, type=Type.LONG)
        return found

    def values(self, numbers: frozenset[int] | None, name: str | None) -> CallValues:
        return CallValues(numbers, name)


def text(value: str, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=Type.STRING)


def long(value: int, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=Type.LONG)


def argument(index: int, span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_ARGUMENT, index, span=span, type=Type.LONG)


def returned(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_RETURN, span=span, type=Type.LONG)


def _number(span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.SYSCALL_NUMBER, span=span, type=Type.LONG)


class CallValues:
    """What some calls offer: `numbers` (None: every call), or the one call `name` even where no entry has it."""

    def __init__(self, numbers: frozenset[int] | None, name: str | None) -> None:
        self.numbers = numbers
        self.name = name
        self._calls: dict[int, Call | None] | None = None

    @property
    def calls(self) -> dict[int, Call | None]:
        """The row of each number that the point stands for."""
        if self._calls is None:
            if self.name is not None and call(self.name) is not None:
                self._calls = {number: _row(self.name, number) for number in self.numbers or ()}
            else:
                known = self.numbers if self.numbers is not None else _all_numbers()
                self._calls = {number: call_of_number(number) for number in known}
        return self._calls

    @property
    def _has_compat(self) -> bool:
        return self.numbers is None or any(number >= COMPAT_CALL for number in self.numbers)

    # ------------------------------------------------------------------------------------------ variables

    def variables(self, returns: bool) -> Mapping[str, VariableSource]:
        """Return the calls' own variables: those that all of them have."""
        if self.numbers is None:
            return {}
        single = call(self.name) if self.name is not None else None
        if single is not None:
            kinds = [single.return_variables if returns else single.variables]
        else:
            kinds = [
                {} if row is None else row.return_variables if returns else row.variables for row in self.calls.values()
            ]
        names = list(kinds[0]) if kinds else []
        return {
            name: self._source(name, [kind[name] for kind in kinds], returns)
            for name in names
            if all(name in kind and kind[name].is_long == kinds[0][name].is_long for kind in kinds)
        }

    def _source(self, name: str, uses: Sequence[Use], returns: bool) -> VariableSource:
        own = uses[0]

        def source(span: Span) -> n.Expression:
            found: set[Use] = {own}
            for row in self.calls.values():
                if row is not None:
                    found.add((row.return_variables if returns else row.variables).get(name, own))
            if len(found) > 1:
                return self._varying(name, own, span)
            return self._long(own, span) if own.is_long else self._text(own, span)

        return source

    def _varying(self, name: str, own: Use, span: Span) -> n.Expression:
        """Return a variable that different calls make differently."""
        six = [argument(index, span) for index in range(6)]
        if own.is_long:
            return n.BuiltinCall(rows.LONG_ROW, [text(name, span), _number(span), *six], span=span, type=Type.LONG)
        plans = {
            number: reads([row.variables.get(name, own)], number >= COMPAT_CALL, new_layout(number))
            for number, row in self.calls.items()
            if row is not None
        }
        block = self._block(plans, list(range(6)), span)
        return n.BuiltinCall(
            rows.variable_row(bool(block)), [text(name, span), _number(span), *six, *block], span=span, type=Type.STRING
        )

    def _long(self, use: Use, span: Span) -> n.Expression:
        values = [argument(index, span) for index in use.arguments]
        match use.decoder:
            case "s32":
                return _signed(values[0], 32, span)
            case "u32":
                return _masked(values[0], 0xFFFF_FFFF, span)
            case "u16":
                return _masked(values[0], 0xFFFF, span)
            case "s16":
                return _signed(values[0], 48, span)
            case "user_s32":
                return n.ReadMemory(values[0], 0, 4, True, True, 0, span=span, type=Type.LONG)
            case "user_s32_next":
                return n.ReadMemory(values[0], 4, 4, True, True, 0, span=span, type=Type.LONG)
            case "user_long":
                return n.ReadMemory(values[0], 0, 8, True, True, 0, span=span, type=Type.LONG)
            case "user_long_next":
                return n.ReadMemory(values[0], 8, 8, True, True, 0, span=span, type=Type.LONG)
            case "long" if self._has_compat:
                is_compat = n.Binary(">=", _number(span), long(COMPAT_CALL, span), span=span, type=Type.LONG)
                narrow = _signed(values[0], 32, span)
                return n.Conditional(is_compat, narrow, values[0], span=span, type=Type.LONG)
            case "offset64":
                high = n.Binary("<<", values[1], long(32, span), span=span, type=Type.LONG)
                return n.Binary("|", _masked(values[0], 0xFFFF_FFFF, span), high, span=span, type=Type.LONG)
            case "zero" | "task_of":
                return long(0, span)
            case "event_message" | "arch_address":
                wanted = long(_PTRACE_GETEVENTMSG if use.decoder == "event_message" else _PTRACE_ARCH_PRCTL, span)
                is_it = n.Binary("==", values[0], wanted, span=span, type=Type.LONG)
                content = n.ReadMemory(values[1], 0, 8, True, True, 0, span=span, type=Type.LONG)
                return n.Conditional(is_it, content, long(0, span), span=span, type=Type.LONG)
            case _:
                return values[0]

    def _text(self, use: Use, span: Span) -> n.Expression:
        values = [argument(index, span) for index in use.arguments]
        row = decoder(use.decoder)
        if use.decoder == "text":
            return _string(values[0], span)
        plans = {
            number: _renumbered(reads([use], number >= COMPAT_CALL, new_layout(number)), use.arguments)
            for number in self.numbers or ()
        }
        block = self._block(plans, list(use.arguments), span)
        number = _number(span) if self._has_compat else long(0, span)
        name = text(f"{use.decoder}/{len(values)}", span)
        built = rows.decoded_row(len(values), row.width, bool(block))
        return n.BuiltinCall(built, [name, number, *values, *block], span=span, type=Type.STRING)

    # ----------------------------------------------------------------------------------------------- text

    def argstr(self, span: Span) -> n.Expression:
        plans = {
            number: reads(row.pieces, number >= COMPAT_CALL, new_layout(number))
            for number, row in self.calls.items()
            if row is not None
        }
        block = self._block(plans, list(range(6)), span)
        six = [argument(index, span) for index in range(6)]
        return n.BuiltinCall(rows.argstr_row(bool(block)), [_number(span), *six, *block], span=span, type=Type.STRING)

    def retstr(self, span: Span) -> n.Expression:
        forms = {row.result for row in self.calls.values() if row is not None} or {"decimal"}
        number = long(0, span) if forms == {"decimal"} else _number(span)
        return n.BuiltinCall(rows.RETSTR_ROW, [number, returned(span)], span=span, type=Type.STRING)

    def _block(self, plans: Mapping[int, tuple[UserRead, ...]], arguments: list[int], span: Span) -> list[n.Expression]:
        """Return the reading of memory as an argument, [] when no call needs it."""
        if not any(plans.values()):
            return []
        chosen = {number: plan for number, plan in plans.items() if plan}
        single = next(iter(chosen.values()))
        key = _number(span)
        if not self._has_compat and len(plans) == len(chosen) and all(plan == single for plan in chosen.values()):
            key, chosen = long(0, span), {0: single}
        values = [argument(index, span) for index in arguments]
        return [n.ReadBlock(key, chosen, values, span=span, type=Type.STRING)]


def _row(name: str, number: int) -> Call | None:
    """Return the row for a number that a name covers: the number's own where that has the same variables (pipe2)."""
    row, own = call(name, number >= COMPAT_CALL), call(calls.shown_name(number), number >= COMPAT_CALL)
    return own if row is not None and own is not None and own.variables.keys() >= row.variables.keys() else row


def _all_numbers() -> frozenset[int]:
    from ...arch.x86_64_syscalls import SYSCALLS, SYSCALLS_32

    return frozenset(SYSCALLS.values()) | frozenset(number + COMPAT_CALL for number in SYSCALLS_32.values())


def _renumbered(plan: tuple[UserRead, ...], arguments: Sequence[int]) -> tuple[UserRead, ...]:
    """Return a plan whose reads refer to the positions of the arguments among those that are sent."""
    return tuple(
        replace(
            read,
            address=arguments.index(read.address),
            count=None if read.count is None else arguments.index(read.count),
        )
        for read in plan
    )


def _masked(value: n.Expression, mask: int, span: Span) -> n.Expression:
    return n.Binary("&", value, long(mask, span), span=span, type=Type.LONG)


def _signed(value: n.Expression, unused: int, span: Span) -> n.Expression:
    """Return the signed number in a register whose upper `unused` bits do not count."""
    shift = long(unused, span)
    return n.Binary(">>", n.Binary("<<", value, shift, span=span, type=Type.LONG), shift, span=span, type=Type.LONG)


def _string(address: n.Expression, span: Span) -> n.Expression:
    """Return a string of the task, or its address where it cannot be read."""
    pieces = [n.FormatPiece("", "0x"), n.FormatPiece("x")]
    shown = n.Format(pieces, [address], False, span=span, type=Type.STRING)
    return n.ReadString(address, _LONGEST_TEXT, True, shown, span=span, type=Type.STRING)
