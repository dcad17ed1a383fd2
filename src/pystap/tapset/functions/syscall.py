"""How system call probes show arguments and results (`argstr`, `retstr`, the text variables); internal names start with
an underscore. What a call has is data in tapset/syscalls; a text is made as its rows say, once looked up by number.
"""

from __future__ import annotations

from collections.abc import Callable

from ...program.builtins import Builtin, Effect, Expansion
from ...program.nodes import Binary, Conditional, Constant, Expression, TableText
from ...program.types import Type
from ...program.user_memory import COMPAT_CALL
from ..services import Services

_NEGATIVE_ERRNO_LIMIT = -4095
"""Results from here to -1 are error numbers (MAX_ERRNO in include/linux/err.h)."""

Text = Callable[..., str]
"""Makes a text from arguments of a call and, behind them, the block of memory that was read (b"" where there is none).
"""


def _plain(value: int) -> str:
    return str(value) if -4096 <= value < 65536 else hex(value & (1 << 64) - 1)


_texts: dict[tuple[str, int], Text] = {}
"""The texts by variable ("" for argstr) or decoder ("@name") and call."""
_argstrs: dict[int, Text] = {}
"""Those of argstr, by call."""


def _text(key: str, number: int) -> Text:
    made = _texts.get((key, number))
    if made is None:
        if len(_texts) > 5000:  # numbers that are no calls
            _texts.clear()
            _argstrs.clear()
        made = _texts[key, number] = _make(key, number)
        if not key:
            _argstrs[number] = made
    return made


def _make(key: str, number: int) -> Text:
    from ..syscalls.calls import call_of_number, new_layout
    from ..syscalls.tables import Use
    from ..syscalls.texts import text_of

    compat = number >= COMPAT_CALL
    layout = new_layout(number)
    if key.startswith("@"):
        name, _, arguments = key[1:].partition("/")
        return text_of([Use(name, tuple(range(int(arguments))))], int(arguments), compat, layout)
    row = call_of_number(15 if _is_sigreturn(number) else number)
    if row is None:
        count = argument_count(number)
        return lambda *values: ", ".join(map(_plain, values[:count]))
    if key:
        use = row.variables.get(key) or row.return_variables[key]
        return text_of([use], 6, compat, layout)
    return text_of(row.pieces, 6, compat, layout)


def argument_count(number: int) -> int:
    """Return how many arguments a system call takes; 6 where the number has no entry."""
    global _counts
    if not _counts:
        from ...arch.x86_64_syscall_arguments import ARGUMENTS
        from ...arch.x86_64_syscalls import SYSCALLS, SYSCALLS_32

        _counts = {SYSCALLS[name]: len(arguments) for name, arguments in ARGUMENTS.items()}
        for name, number_32 in SYSCALLS_32.items():
            _counts[number_32 + COMPAT_CALL] = len(ARGUMENTS.get(name, range(6)))
    return _counts.get(number, 6)


_counts: dict[int, int] = {}


def _is_sigreturn(number: int) -> bool:
    """Tell whether this is the number at the return of rt_sigreturn, which puts the registers of another place back."""
    return number & COMPAT_CALL - 1 == COMPAT_CALL - 1


def syscall_name_at_return(rt: Services, number: int) -> str:
    """Return the name of a call that returns; of rt_sigreturn only the result is left."""
    return "rt_sigreturn" if _is_sigreturn(number) else syscall_name(rt, number)


def syscall_name(rt: Services, number: int) -> str:
    """Return what a call is called; `syscall_N` or, through a 32-bit entry, `syscall32_N` where it has no name."""
    name = _names.get(number)
    if name is None:
        from ..syscalls.calls import shown_name

        name = shown_name(number)
        if len(_names) < 5000:  # what is no call does not fill the memory
            _names[number] = name
    return name


_names: dict[int, str] = {}


def syscall_argstr(rt: Services, number: int, *rest: int | bytes) -> str:
    """Return the arguments of a call as text. `rest`: the six arguments, and the block of memory if there is one."""
    return (_argstrs.get(number) or _text("", number))(*rest)


def syscall_variable(rt: Services, name: str, number: int, *rest: int | bytes) -> str:
    """Return a text variable of a call, like syscall_argstr."""
    return _text(name, number)(*rest)


def syscall_decoded(rt: Services, name: str, number: int, *rest: int | bytes) -> str:
    """Return what the decoder `NAME/N` makes of N arguments and, behind them, the block of memory if it reads any."""
    return _text("@" + name, number)(*rest)


def syscall_changes(rt: Services, number: int) -> int:
    """Tell whether a call's arguments cannot be read at its return any more, as they were passed."""
    global _changing
    if not _changing:
        from ..syscalls.calls import changing

        _changing = changing()
    return int(number in _changing)


_changing: frozenset[int] = frozenset()


def syscall_long(rt: Services, name: str, number: int, *arguments: int) -> int:
    """Return a long variable of a call, where its place depends on the call."""
    from ..syscalls.calls import call_of_number
    from ..syscalls.tables import long_value

    row = call_of_number(number)
    use = row.variables.get(name) or row.return_variables.get(name) if row is not None else None
    if use is None:
        return 0
    return long_value(use.decoder, [arguments[index] for index in use.arguments], number >= COMPAT_CALL)


def syscall_retstr(rt: Services, result: int) -> str:
    """Return the result of a call as text, an error with its name: `-2 (ENOENT)`."""
    if _NEGATIVE_ERRNO_LIMIT <= result < 0:
        from .errno import errno_name

        name = errno_name(-result)
        return f"{result} ({name})" if name else str(result)
    return str(result) if result >= 0 else hex(result & (1 << 64) - 1)


def syscall_retstr_of(rt: Services, number: int, result: int) -> str:
    """Return the result as the call's row says: in decimal, hexadecimal or octal; an error with its name."""
    form = _result_forms.get(number)
    if form is None:
        from ..syscalls.calls import call_of_number

        row = call_of_number(number)
        form = _result_forms[number] = row.result if row is not None else "decimal"
    if form == "decimal" or _NEGATIVE_ERRNO_LIMIT <= result < 0:
        return syscall_retstr(rt, result)
    return hex(result & (1 << 64) - 1) if form == "hex" else f"0{result:o}"


_result_forms: dict[int, str] = {}
_DECODED_WIDTH = 512


def _longs(*names: str) -> tuple[tuple[str, Type], ...]:
    return tuple((name, Type.LONG) for name in names)


def _with_block(parameters: tuple[tuple[str, Type], ...], block: bool) -> tuple[tuple[str, Type], ...]:
    return (*parameters, ("block", Type.STRING)) if block else parameters


_SIX = _longs("a0", "a1", "a2", "a3", "a4", "a5")


CHANGES_ROW = Builtin("_syscall_changes", _longs("number"), Type.LONG, Effect.PURE, syscall_changes)


def argstr_row(block: bool) -> Builtin:
    """Return the row that makes argstr of a number, six arguments and, with `block`, memory."""
    parameters = _with_block((*_longs("number"), *_SIX), block)
    return Builtin("_syscall_argstr", parameters, Type.STRING, Effect.PURE, syscall_argstr, width=None)


def variable_row(block: bool) -> Builtin:
    """Return the row that makes a text variable which differs from call to call."""
    parameters = _with_block((("name", Type.STRING), *_longs("number"), *_SIX), block)
    return Builtin("_syscall_variable", parameters, Type.STRING, Effect.PURE, syscall_variable, width=None)


def decoded_row(arguments: int, width: int | None, block: bool) -> Builtin:
    """Return the row that applies a decoder to so many arguments."""
    values = _longs(*(f"a{index}" for index in range(arguments)))
    parameters = _with_block((("name", Type.STRING), *_longs("number"), *values), block)
    return Builtin("_syscall_decoded", parameters, Type.STRING, Effect.PURE, syscall_decoded, width=width)


def _name_in_kernel(number: Expression) -> Expression:
    """Return the name by two tables, for 64-bit and 32-bit entries."""
    from ..syscalls.calls import name_table

    span = number.span
    start = Constant(COMPAT_CALL, span=span, type=Type.LONG)
    is_compat = Binary(">=", number, start, span=span, type=Type.LONG)
    low = Binary("-", number, start, span=span, type=Type.LONG)
    native = TableText(name_table(False), number, "syscall_%d", span=span, type=Type.STRING, width=NAME_WIDTH)
    compat = TableText(name_table(True), low, "syscall32_%d", span=span, type=Type.STRING, width=NAME_WIDTH)
    return Conditional(is_compat, compat, native, span=span, type=Type.STRING, width=NAME_WIDTH)


NAME_WIDTH = 32
"""The longest name: that of a call, or `syscall32_` and a number."""
NAME_ROW = Builtin(
    "_syscall_name", _longs("number"), Type.STRING, Effect.PURE, syscall_name, Expansion(_name_in_kernel),
    width=NAME_WIDTH,
)  # fmt: skip


def _return_name_in_kernel(number: Expression) -> Expression:
    span = number.span
    minus_one = Constant(-1, span=span, type=Type.LONG)
    is_it = Binary("==", number, minus_one, span=span, type=Type.LONG)
    text = Constant("rt_sigreturn", span=span, type=Type.STRING, width=12)
    return Conditional(is_it, text, _name_in_kernel(number), span=span, type=Type.STRING, width=NAME_WIDTH)


RETURN_NAME_ROW = Builtin(
    "_syscall_name", _longs("number"), Type.STRING, Effect.PURE, syscall_name_at_return,
    Expansion(_return_name_in_kernel), width=NAME_WIDTH,
)  # fmt: skip
LONG_ROW = Builtin(
    "_syscall_long", (("name", Type.STRING), *_longs("number"), *_SIX), Type.LONG, Effect.PURE, syscall_long
)
RETSTR_ROW = Builtin(
    "_syscall_retstr", _longs("number", "result"), Type.STRING, Effect.PURE, syscall_retstr_of, width=40
)
