"""Signals, signal sets, actions and what a signal carries.

Sources: asm-generic/signal.h, asm-generic/siginfo.h, asm/signal.h (x86), asm-generic/signal-defs.h.
"""

from __future__ import annotations

from . import address
from .names import MASK_32, MASK_64, SAME, Flags, Kept, Names, signed, structure, values

_SIGNALS = Names("""
0 SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM
SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR
SIGSYS SIGRTMIN
""")
_SIGNALS.update((number, f"SIGRTMIN+{number - 32}") for number in range(33, 64))
_SIGNALS[64] = "SIGRTMAX"


@Kept
def signal(value: int) -> str:
    """Return the name of a signal; a number that is none in decimal."""
    number = signed(value)
    return _SIGNALS[number] if 0 <= number <= 64 else str(number)


signal_how = Names("SIG_BLOCK SIG_UNBLOCK SIG_SETMASK")
action_flags = Flags(
    """
SA_NOCLDSTOP=1 SA_NOCLDWAIT=2 SA_SIGINFO=4 SA_UNSUPPORTED=0x400 SA_EXPOSE_TAGBITS=0x800 SA_RESTORER=0x04000000
SA_ONSTACK=0x08000000 SA_RESTART=0x10000000 SA_NODEFER=0x40000000 SA_RESETHAND=0x80000000 """,
    bits=64,
)
_HANDLERS = {0: "SIG_DFL", 1: "SIG_IGN", MASK_64: "SIG_ERR"}


def handler(value: int) -> str:
    """Return SIG_DFL, SIG_IGN or SIG_ERR, else the address of a handler."""
    return _HANDLERS.get(value & MASK_64) or address(value)


@Kept
def signal_mask(mask: int) -> str:
    """Return the signals of a set of 64 bits, bit 0 for signal 1: `[SIGHUP|SIGINT]`, `[EMPTY]`.

    A set of more than half of all signals is shown by those that it lacks: `~[SIGRTMIN]`.
    """
    mask &= MASK_64
    if not mask:
        return "[EMPTY]"
    inverted = mask.bit_count() > 32
    shown = ~mask if inverted else mask
    names = "|".join(_SIGNALS[bit + 1] for bit in range(64) if shown >> bit & 1)
    return f"~[{names}]" if inverted else f"[{names}]"


@structure(8, narrow=SAME)
def signal_set(data: bytes, size: int = 8) -> str:
    """Return a signal set; the kernel takes sets of 8 bytes alone, others are shown by their address."""
    return "" if size != 8 else signal_mask(int.from_bytes(data[:8], "little"))


@structure(32, narrow="pppq")
def action(data: bytes) -> str:
    """Return a struct sigaction as the kernel takes it: handler, flags, restorer, mask.

    A handler that is none is shown alone, as SystemTap does it: `{SIG_DFL}`.
    """
    function, flags, restorer, mask = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8, 16, 24))
    if function in _HANDLERS:
        return f"{{{_HANDLERS[function]}}}"
    shown = f", {address(restorer)}" if flags & 0x04000000 else ""
    return f"{{{address(function)}, {action_flags[flags]}{shown}, {signal_mask(mask)}}}"


_CODES_OF_ALL = "SI_USER=0 SI_KERNEL=0x80 SI_QUEUE=-1 SI_TIMER=-2 SI_MESGQ=-3 SI_ASYNCIO=-4 SI_SIGIO=-5 SI_TKILL=-6 "
_CODES_OF_ALL += "SI_DETHREAD=-7 SI_ASYNCNL=-60 "
_CODES = {
    4: Names(
        _CODES_OF_ALL
        + """
ILL_ILLOPC=1 ILL_ILLOPN=2 ILL_ILLADR=3 ILL_ILLTRP=4 ILL_PRVOPC=5 ILL_PRVREG=6 ILL_COPROC=7 ILL_BADSTK=8 ILL_BADIADDR=9
"""
    ),
    5: Names(_CODES_OF_ALL + "TRAP_BRKPT=1 TRAP_TRACE=2 TRAP_BRANCH=3 TRAP_HWBKPT=4 TRAP_UNK=5 TRAP_PERF=6"),
    7: Names(_CODES_OF_ALL + "BUS_ADRALN=1 BUS_ADRERR=2 BUS_OBJERR=3 BUS_MCEERR_AR=4 BUS_MCEERR_AO=5"),
    8: Names(
        _CODES_OF_ALL
        + """
FPE_INTDIV=1 FPE_INTOVF=2 FPE_FLTDIV=3 FPE_FLTOVF=4 FPE_FLTUND=5 FPE_FLTRES=6 FPE_FLTINV=7 FPE_FLTSUB=8 FPE_FLTUNK=0xe
FPE_CONDTRAP=0xf
"""
    ),
    11: Names(
        _CODES_OF_ALL
        + """
SEGV_MAPERR=1 SEGV_ACCERR=2 SEGV_BNDERR=3 SEGV_PKUERR=4 SEGV_ACCADI=5 SEGV_ADIDERR=6 SEGV_ADIPERR=7 SEGV_MTEAERR=8
SEGV_MTESERR=9 SEGV_CPERR=10
"""
    ),
    17: Names(_CODES_OF_ALL + "CLD_EXITED=1 CLD_KILLED=2 CLD_DUMPED=3 CLD_TRAPPED=4 CLD_STOPPED=5 CLD_CONTINUED=6"),
    29: Names(_CODES_OF_ALL + "POLL_IN=1 POLL_OUT=2 POLL_MSG=3 POLL_ERR=4 POLL_PRI=5 POLL_HUP=6"),
    31: Names(_CODES_OF_ALL + "SYS_SECCOMP=1 SYS_USER_DISPATCH=2"),
}
"""Codes by the signal that they come with."""
_OTHER_CODES = Names(_CODES_OF_ALL)
_WITH_SENDER = frozenset((0, -6))
_WITH_VALUE = frozenset((-1, -3))


@structure(48, narrow="iii_iip")
def signal_info(data: bytes) -> str:
    """Return a siginfo_t: signal, code, and the sender or the value where the code has one."""
    number, error, code = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (0, 4, 8))
    parts = [f"si_signo={signal(number)}", f"si_code={_CODES.get(number, _OTHER_CODES)[code & MASK_32]}"]
    if error:
        from ..functions.errno import errno_name

        parts.append(f"si_errno={errno_name(error) or error}")
    first, second = (int.from_bytes(data[i : i + 4], "little") for i in (16, 20))
    if code in _WITH_SENDER or code in _WITH_VALUE:
        parts += [f"si_pid={signed(first)}", f"si_uid={second}"]
    if code in _WITH_VALUE:
        low, value = int.from_bytes(data[24:28], "little"), int.from_bytes(data[24:32], "little")
        parts.append(f"si_int={signed(low)}, si_ptr={address(value)}")
    if code == -2:
        parts += [f"si_timerid={address(first)}", f"si_overrun={signed(second)}"]
    return "{" + ", ".join(parts) + "}"


_STACK_FLAGS = Flags("SS_AUTODISARM=0x80000000", field=(0x7FFFFFFF, Names("0 SS_ONSTACK=1 SS_DISABLE=2")))


@structure(24, narrow="pi_p")
def signal_stack(data: bytes) -> str:
    """Return a stack_t: address, flags, size."""
    base, size = (int.from_bytes(data[i : i + 8], "little") for i in (0, 16))
    return f"{{ss_sp={address(base)}, ss_flags={_STACK_FLAGS[int.from_bytes(data[8:12], 'little')]}, ss_size={size}}}"


_NOTIFY = Names("SIGEV_SIGNAL SIGEV_NONE SIGEV_THREAD SIGEV_THREAD_ID=4")


@structure(64, narrow="piii")
def signal_event(data: bytes) -> str:
    """Return a struct sigevent: value, signal, how, thread."""
    value, low = int.from_bytes(data[:8], "little"), int.from_bytes(data[:4], "little")
    number, how, thread = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (8, 12, 16))
    parts = [f"sigev_value={{sival_int={signed(low)}, sival_ptr={address(value)}}}"] if value else []
    parts.append(f"sigev_signo={signal(number) if how in (0, 4) else number}")
    parts.append(f"sigev_notify={_NOTIFY[how & MASK_32]}")
    if how == 4:
        parts.append(f"sigev_notify_thread_id={thread}")
    return "{" + ", ".join(parts) + "}"


DECODERS = (
    *values(signal=signal, signal_how=signal_how, handler=handler, signal_mask=signal_mask),
    signal_set, action, signal_info, signal_stack, signal_event,
)  # fmt: skip
