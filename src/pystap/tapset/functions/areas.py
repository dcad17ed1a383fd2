"""Areas of memory as text: arguments of processes, buffers, UTF-16 and UTF-32 strings, paths.

What a string cannot hold as it is (bytes 0, text that is put together from many places) is copied by kernel code in a
form of its own, which the functions here decode when they print.
"""

from __future__ import annotations

import os

from ...program import nodes as n
from ...program.builtins import Builtin, Effect, IrFunction
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ...source import Span
from ..ir import ir_function
from ..services import Services
from . import areas_ir as ir
from .memory import expanded
from .text import _printable

L, S = Type.LONG, Type.STRING
PIECE = 252
"""How many bytes one copy holds."""
_LETTERS = 2 * PIECE


# ------------------------------------------------------------------------------- arguments and environment


def user_area(rt: Services, addr: int, length: int) -> str:
    """Return memory of the current process with a character 1 for each byte 0."""
    data = rt.read_user_memory(addr & (1 << 64) - 1, max(0, min(length, rt.max_string)))
    return (data or b"").decode("latin-1").replace("\0", "\1")


def _items(area: str) -> list[str]:
    area = area.rstrip("\1")
    return area.split("\1") if area else []


def area_items(rt: Services, area: str, first: int, last: int, delimiter: str) -> str:
    """Return the items from `first` to `last` (to the end, where that is smaller), joined."""
    items = _items(area)
    return delimiter.join(items[max(first, 0) :] if last < first else items[max(first, 0) : last + 1])[: rt.max_string]


AREA_PIECE = 504
"""How much of an area is copied at once, where it is longer than a string."""


def area_variable(rt: Services, *pieces_and_name: str) -> str:
    """Return the value of a variable; every piece of the environment but the last has AREA_PIECE bytes."""
    *pieces, name = pieces_and_name
    for item in _items("".join(piece[:AREA_PIECE] for piece in pieces)):
        if item.startswith(name + "="):
            return item[len(name) + 1 :][: rt.max_string]
    return ""


# ------------------------------------------------------------------------------------------------ buffers


def _letters(data: bytes) -> str:
    """Return data as kernel code sends it: two letters a byte, then two for how many bytes there are."""

    def pair(byte: int) -> str:
        return chr(0x40 | byte & 15) + chr(0x40 | byte >> 4)

    text = "".join(map(pair, data[:PIECE].ljust(PIECE, b"\0")))
    return text + pair(min(len(data), PIECE))


def _bytes(letters: str) -> bytes:
    codes = [ord(c) & 15 for c in letters]
    data = bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=False))
    return data[: data[PIECE]] if len(data) > PIECE else b""


def kernel_letters(rt: Services, addr: int, length: int) -> str:
    return _letters(_greedy(rt.read_kernel_memory, addr, length))


def user_letters(rt: Services, addr: int, length: int) -> str:
    return _letters(_greedy(rt.read_user_memory, addr, length))


def _greedy(read: object, addr: int, length: int) -> bytes:
    """Return as much of an area as can be read."""
    assert callable(read)
    data, step = b"", 128
    wanted = PIECE if not 0 <= length <= PIECE else length
    while step:
        part = read((addr + len(data)) & (1 << 64) - 1, step) if len(data) + step <= wanted else None
        data += part or b""
        step //= 2
    return data


def quoted_letters(rt: Services, first: str, second: str, length: int, most: int, message: str) -> str:
    """Return `length` bytes in quotes, at most `most` characters; `message` where they could not be read.

    An empty message raises an error.
    """
    data = _bytes(first) + (_bytes(second) if second else b"")
    if len(data) < min(max(length, 0), 2 * PIECE):
        if message:
            return message
        raise RuntimeFault("buffer copy fault [man error::fault]")
    return _printable(rt, data[: max(length, 0)].decode("latin-1"), most, True)


def _number(value: int, span: Span) -> n.Expression:
    return n.Constant(value, span=span, type=L)


def _call(name: str, arguments: list[n.Expression], span: Span, kind: Type = S) -> n.Expression:
    from . import lookup

    return n.BuiltinCall(lookup(name)[0], arguments, span=span, type=kind)


def _copied(user: bool, address: n.Expression, length: n.Expression, span: Span) -> list[n.Expression]:
    """Return the one or two copies of a buffer."""
    name = "_user_letters" if user else "_kernel_letters"
    first = _call(name, [address, length], span)
    if isinstance(length, n.Constant) and isinstance(length.value, int) and length.value <= PIECE:
        return [first, n.Constant("", span=span, type=S)]
    behind = n.Binary("+", address, _number(PIECE, span), span=span, type=L)
    rest = n.Binary("-", length, _number(PIECE, span), span=span, type=L)
    is_long = n.Binary(">", length, _number(PIECE, span), span=span, type=L)
    second = _call(name, [behind, n.Conditional(is_long, rest, _number(0, span), span=span, type=L)], span)
    return [first, second]


def _buffer_row(name: str, user: bool, parameters: str, message: str, raises: bool) -> Builtin:
    names = parameters.split()

    def expand(span: Span, address: n.Expression, length: n.Expression, *rest: n.Expression) -> n.Expression:
        most = rest[0] if rest else _number(0, span)
        decode = "_quoted_letters_error" if raises else "_quoted_letters"
        text = n.Constant(message, span=span, type=S)
        return _call(decode, [*_copied(user, address, length, span), length, most, text], span)

    return Builtin(name, tuple((own, L) for own in names), S, Effect.CONTEXT, expanded, expands=expand)


def hex_letters(rt: Services, letters: str) -> str:
    """Return what was copied, at most PIECE bytes, as hexadecimal digits."""
    return _bytes(letters).hex()[: rt.max_string]


# ------------------------------------------------------------------------------------------- UTF-16, UTF-32


def decoded_units(rt: Services, letters: str, bits: int, message: str) -> str:
    """Return the string up to its unit 0 as UTF-8; `message` where it could not be read or is not valid.

    A string has at most PIECE bytes. An empty message raises an error.
    """
    text = _decoded(_bytes(letters), bits)
    if text is None:
        if message:
            return "" if message == _NOTHING else message
        raise RuntimeFault(f"utf{bits} string copy fault [man error::fault]")
    return text[: rt.max_string]


_NOTHING = "\1"


def _decoded(data: bytes, bits: int) -> str | None:
    size = bits // 8
    units = [data[i : i + size] for i in range(0, len(data) - size + 1, size)]
    if not units:
        return None
    zero = bytes(size)
    whole = b"".join(units[: units.index(zero)] if zero in units else units)
    try:
        return whole.decode(f"utf-{bits}-le").encode("utf-8").decode("latin-1")
    except UnicodeDecodeError:
        return None


def quoted_units(rt: Services, letters: str, bits: int, address: int) -> str:
    """Return the string in quotes, its address where it could not be read."""
    text = _decoded(_bytes(letters), bits)
    if text is None:
        return f"0x{address & (1 << 64) - 1:x}"
    return _printable(rt, text, 0, True)


def either_letters(rt: Services, kernel: str, user: str) -> str:
    """Return the copy of kernel memory, or that of user memory where the first could not be read."""
    return kernel if _bytes(kernel) else user


def _units_row(name: str, bits: int, user: bool, quoted: bool, message: bool) -> Builtin:
    def expand(span: Span, address: n.Expression, *rest: n.Expression) -> n.Expression:
        letters = _call("_user_letters" if user else "_kernel_letters", [address, _number(PIECE, span)], span)
        return _finished(letters, bits, quoted, address, rest, span)

    kinds = (("addr", L), *((("err_msg", S),) if message else ()))
    return Builtin(name, kinds, S, Effect.CONTEXT, expanded, expands=expand)


def _finished(
    letters: n.Expression, bits: int, quoted: bool, address: n.Expression, rest: tuple[n.Expression, ...], span: Span
) -> n.Expression:
    if quoted:
        return _call("_quoted_units", [letters, _number(bits, span), address], span)
    if not rest:
        nothing = n.Constant("", span=span, type=S)
        return _call("_decoded_units_error", [letters, _number(bits, span), nothing], span)
    message = rest[0]
    if isinstance(message, n.Constant) and message.value == "":
        message = n.Constant(_NOTHING, span=span, type=S)
    return _call("_decoded_units", [letters, _number(bits, span), message], span)


def _either_row(name: str, bits: int) -> Builtin:
    def expand(span: Span, address: n.Expression) -> n.Expression:
        size = _number(PIECE, span)
        both = [_call(f"_{where}_letters", [address, size], span) for where in ("kernel", "user")]
        letters = _call("_either_letters", both, span)
        return _finished(letters, bits, True, address, (), span)

    return Builtin(name, (("addr", L),), S, Effect.CONTEXT, expanded, expands=expand)


def _plain_either() -> Builtin:
    def expand(span: Span, address: n.Expression) -> n.Expression:
        unreadable = n.Constant("\x01\x02unreadable", span=span, type=S)
        inner = n.ReadString(address, 1 << 16, True, unreadable, span=span, type=S)
        text = n.ReadString(address, 1 << 16, False, inner, span=span, type=S)
        return _call("_quoted_or_address", [text, address, _number(0, span)], span)

    return Builtin("kernel_or_user_string_quoted", (("addr", L),), S, Effect.CONTEXT, expanded, expands=expand)


# ----------------------------------------------------------------------------------------- paths, machine


def _word(rt: Services, address: int) -> int:
    data = rt.read_kernel_memory(address & (1 << 64) - 1, 8)
    return int.from_bytes(data, "little", signed=True) if data else 0


def path_text(
    rt: Services, dentry: int, mount: int, root: int, root_mount: int, o_parent: int, o_name: int, o_mnt_parent: int,
    o_mountpoint: int, o_mnt_root: int,
) -> str:  # fmt: skip
    """Return the path of an entry, as kernel code makes it (areas_ir.PATH_TEXT)."""
    names: list[str] = []
    for _ in range(ir.MOST_NAMES):
        if (dentry, mount) == (root, root_mount):
            break
        if mount and dentry == _word(rt, mount + o_mnt_root):
            outer = _word(rt, mount + o_mnt_parent)
            if outer == mount:
                break
            dentry, mount = _word(rt, mount + o_mountpoint), outer
            continue
        parent = _word(rt, dentry + o_parent)
        if parent in (0, dentry):
            break
        data = rt.read_kernel_memory(_word(rt, dentry + o_name) & (1 << 64) - 1, 64)
        names.append((data or b"").partition(b"\0")[0].decode("latin-1"))
        dentry = parent
    else:
        names.append("...")
        return "/".join(reversed(names))[: rt.max_string]
    return ("/" + "/".join(reversed(names)))[: rt.max_string]


def stap_uid(rt: Services) -> int:
    return os.getuid()


def stap_pid_ns(rt: Services) -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def ns_id(rt: Services, number: int, is_group: int) -> int:
    """Return what a user id (or group id) is in stap's own user namespace; 65534 for one that it does not have."""
    with open("/proc/self/gid_map" if is_group else "/proc/self/uid_map", encoding="utf-8") as file:
        for line in file:
            inside, outside, count = map(int, line.split())
            if outside <= number < outside + count:
                return inside + number - outside
    return 65534


def _machine(name: str) -> IrFunction:
    return ir_function(f"fn_{name}", "", f'  %r = ptrtoint ptr @"machine.{name}" to i64\n  ret i64 %r\n')


def _form(name: str, user: bool) -> IrFunction:
    return ir.buffer_form(name, user)


_PATH = ("dentry", "mount", "root", "root_mount", "o_parent", "o_name", "o_mnt_parent", "o_mountpoint", "o_mnt_root")
_QUOTED = (("first", S), ("second", S), ("length", L), ("most", L), ("message", S))
_AREA = (("addr", L), ("length", L))

ROWS = (
    Builtin("_user_area", _AREA, S, Effect.CONTEXT, user_area, ir.USER_AREA),
    Builtin(
        "_area_items", (("area", S), ("first", L), ("last", L), ("delimiter", S)), S, Effect.PURE, area_items,
        width=lambda area, first, last, delimiter: area * max(delimiter, 1),
    ),
    Builtin("_area_variable", (*((f"piece{i}", S) for i in range(8)), ("name", S)), S, Effect.PURE, area_variable),
    Builtin("_kernel_letters", _AREA, S, Effect.CONTEXT, kernel_letters, _form("fn_kernel_letters", False)),
    Builtin("_user_letters", _AREA, S, Effect.CONTEXT, user_letters, _form("fn_user_letters", True)),
    Builtin("_quoted_letters", _QUOTED, S, Effect.PURE, quoted_letters),
    Builtin("_quoted_letters_error", _QUOTED, S, Effect.SESSION, quoted_letters),
    Builtin("_decoded_units", (("letters", S), ("bits", L), ("message", S)), S, Effect.PURE, decoded_units),
    Builtin("_decoded_units_error", (("letters", S), ("bits", L), ("message", S)), S, Effect.SESSION, decoded_units),
    Builtin("_quoted_units", (("letters", S), ("bits", L), ("addr", L)), S, Effect.PURE, quoted_units),
    Builtin("_hex_letters", (("letters", S),), S, Effect.PURE, hex_letters),
    Builtin("_either_letters", (("kernel", S), ("user", S)), S, Effect.PURE, either_letters),
    _buffer_row("kernel_buffer_quoted", False, "addr inlen", "<unknown>", False),
    _buffer_row("kernel_buffer_quoted", False, "addr inlen outlen", "<unknown>", False),
    _buffer_row("kernel_buffer_quoted_error", False, "addr inlen outlen", "", True),
    _buffer_row("user_buffer_quoted", True, "addr inlen outlen", "<unknown>", False),
    _buffer_row("user_buffer_quoted_error", True, "addr inlen outlen", "", True),
    *(
        row
        for bits in (16, 32)
        for where, user in (("kernel", False), ("user", True))
        for row in (
            _units_row(f"{where}_string_utf{bits}", bits, user, False, False),
            _units_row(f"{where}_string_utf{bits}", bits, user, False, True),
            _units_row(f"{where}_string2_utf{bits}", bits, user, False, True),
            _units_row(f"{where}_string_quoted_utf{bits}", bits, user, True, False),
        )
    ),
    _either_row("kernel_or_user_string_quoted_utf16", 16),
    _either_row("kernel_or_user_string_quoted_utf32", 32),
    _plain_either(),
    Builtin("_path_text", tuple((name, L) for name in _PATH), S, Effect.CONTEXT, path_text, ir.PATH_TEXT),
    Builtin("_stap_uid", (), L, Effect.PURE, stap_uid, _machine("uid"), varies=True),
    Builtin("_stap_pid_ns", (), L, Effect.PURE, stap_pid_ns, _machine("pid_ns"), varies=True),
    Builtin("_ns_id", (("number", L), ("is_group", L)), L, Effect.PURE, ns_id, varies=True),
)  # fmt: skip
