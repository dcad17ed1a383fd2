"""Error numbers (man function::errno_str). Names and numbers: include/uapi/asm-generic/errno*.h, linux/errno.h."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.nodes import BuiltinCall, Expression
from ...program.types import Type, wrap_long
from ..ir import ir_function
from ..services import Services
from ..tables import dense, name_of, table_expansion, table_width

L, S = Type.LONG, Type.STRING

_FROM_1 = """
EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT
EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT
ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ
ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT
EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET
ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS
ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED
EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
"""
_FROM_512 = """
ERESTARTSYS ERESTARTNOINTR ERESTARTNOHAND ENOIOCTLCMD ERESTART_RESTARTBLOCK EPROBE_DEFER EOPENSTALE ENOPARAM -
EBADHANDLE ENOTSYNC EBADCOOKIE ENOTSUPP ETOOSMALL ESERVERFAULT EBADTYPE EJUKEBOX EIOCBQUEUED ERECALLCONFLICT ENOGRACE
"""


def _table() -> tuple[str, ...]:
    names = {0: ""}
    for first, text in ((1, _FROM_1), (512, _FROM_512)):
        names.update((i, name) for i, name in enumerate(text.split(), first) if name != "-")
    return dense(names, _UNKNOWN)


_UNKNOWN = "E#%d"
ERRORS = _table()
_MAX_ERRNO = 4095


def errno_name(number: int) -> str:
    """Return the name of a positive error number, "" when it has none."""
    name = ERRORS[number] if 0 < number < len(ERRORS) else ""
    return "" if name.startswith("E#") else name


def errno_str(rt: Services, err: int) -> str:
    """Return ENOENT for 2 and for -2, "" for 0, E#3333 for what has no name."""
    return name_of(ERRORS, _UNKNOWN, wrap_long(abs(err)))


def errno_p(rt: Services, err: int) -> int:
    """Return whether a system call's result is an error: -4095 to -1 (IS_ERR_VALUE in linux/err.h)."""
    return int(-_MAX_ERRNO <= err < 0)


def return_str(rt: Services, form: int, ret: int) -> str:
    """Return a result in decimal, hexadecimal or octal (1, 2, 3), an error as `-2 (ENOENT)`."""
    if errno_p(rt, ret):
        return f"{ret} ({errno_str(rt, ret)})"
    unsigned = ret & 0xFFFF_FFFF_FFFF_FFFF
    match form:
        case 2:
            return f"0x{unsigned:x}"
        case 3:
            return f"0{unsigned:o}" if unsigned else "0"
        case _:
            return str(ret)


def _absolute(rt: Services, value: int) -> int:
    return wrap_long(abs(value))


_ABSOLUTE = Builtin(
    "__absolute", (("value", L),), L, Effect.PURE, _absolute,
    ir_function(
        "fn_absolute", "i64 %v",
        '  %a = call i64 @llvm.abs.i64(i64 %v, i1 false)\n  %r = call i64 asm sideeffect "", "=r,0"(i64 %a)\n'
        "  ret i64 %r\n",
    ),
)  # fmt: skip
"""Not a name of the language: the index that the kernel side of errno_str() looks up.

LLVM must not know that it is positive, or it drops half of the bounds check that the verifier needs.
"""


def _index(argument: Expression) -> Expression:
    return BuiltinCall(_ABSOLUTE, [argument], span=argument.span, type=L)


_WIDTH = table_width(ERRORS, _UNKNOWN)

ROWS = (
    Builtin(
        "errno_str", (("err", L),), S, Effect.PURE, errno_str, table_expansion(ERRORS, _UNKNOWN, _index), width=_WIDTH
    ),
    Builtin(
        "errno_p", (("err", L),), L, Effect.PURE, errno_p,
        ir_function(
            "fn_errno_p", "i64 %e",
            f"  %from = add i64 %e, {_MAX_ERRNO}\n  %is = icmp ult i64 %from, {_MAX_ERRNO}\n"
            "  %r = zext i1 %is to i64\n  ret i64 %r\n",
        ),
    ),
    Builtin("return_str", (("format", L), ("ret", L)), S, Effect.PURE, return_str, width=23 + _WIDTH),
)  # fmt: skip
