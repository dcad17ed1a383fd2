"""The arguments of prctl behind its option, as each option takes them (linux/prctl.h, prctl(2))."""

from __future__ import annotations

from . import Decoder, Memory, address
from .decode_basic import quoted
from .decode_process import prctl_option
from .decode_security import capability
from .decode_signals import signal
from .names import MASK_32, MASK_64, Flags, Names, signed

_KINDS = """
PR_SET_PDEATHSIG signal
PR_GET_PDEATHSIG address
PR_GET_DUMPABLE
PR_SET_DUMPABLE dumpable
PR_GET_UNALIGN address
PR_SET_UNALIGN hex
PR_GET_KEEPCAPS
PR_SET_KEEPCAPS number
PR_GET_FPEMU address
PR_SET_FPEMU hex
PR_GET_FPEXC address
PR_SET_FPEXC hex
PR_GET_TIMING
PR_SET_TIMING number
PR_SET_NAME text
PR_GET_NAME address
PR_GET_ENDIAN address
PR_SET_ENDIAN hex
PR_GET_SECCOMP
PR_SET_SECCOMP seccomp address
PR_CAPBSET_READ capability
PR_CAPBSET_DROP capability
PR_GET_TSC address
PR_SET_TSC tsc
PR_GET_SECUREBITS
PR_SET_SECUREBITS securebits
PR_SET_TIMERSLACK signed
PR_GET_TIMERSLACK
PR_TASK_PERF_EVENTS_DISABLE
PR_TASK_PERF_EVENTS_ENABLE
PR_MCE_KILL hex hex hex hex
PR_MCE_KILL_GET hex hex hex hex
PR_SET_MM map address hex number
PR_SET_CHILD_SUBREAPER number
PR_GET_CHILD_SUBREAPER address
PR_SET_NO_NEW_PRIVS number number number number
PR_GET_NO_NEW_PRIVS number number number number
PR_GET_TID_ADDRESS address
PR_SET_THP_DISABLE number number number number
PR_GET_THP_DISABLE number number number number
PR_CAP_AMBIENT ambient capability number number
PR_GET_SPECULATION_CTRL speculation
PR_SET_SPECULATION_CTRL speculation control
PR_SET_IO_FLUSHER number number number number
PR_GET_IO_FLUSHER number number number number
PR_SET_SYSCALL_USER_DISPATCH number address hex address
PR_SCHED_CORE core process number address
PR_SET_MDWE hex number number number
PR_SET_VMA vma address number text
PR_SET_PTRACER process
"""
_NAMES = {
    "dumpable": Names("SUID_DUMP_DISABLE SUID_DUMP_USER SUID_DUMP_ROOT"),
    "seccomp": Names("SECCOMP_MODE_DISABLED SECCOMP_MODE_STRICT SECCOMP_MODE_FILTER"),
    "capability": capability,
    "tsc": Names("PR_TSC_ENABLE=1 PR_TSC_SIGSEGV=2"),
    "map": Names("""
START_CODE=1 END_CODE START_DATA END_DATA START_STACK START_BRK BRK ARG_START ARG_END ENV_START ENV_END AUXV EXE_FILE
MAP MAP_SIZE """, prefix="PR_SET_MM_"),
    "ambient": Names("IS_SET=1 RAISE LOWER CLEAR_ALL", prefix="PR_CAP_AMBIENT_"),
    "speculation": Names("PR_SPEC_STORE_BYPASS PR_SPEC_INDIRECT_BRANCH PR_SPEC_L1D_FLUSH"),
    "core": Names("GET CREATE SHARE_TO SHARE_FROM", prefix="PR_SCHED_CORE_"),
    "vma": Names("PR_SET_VMA_ANON_NAME"),
}  # fmt: skip
_SETS = {
    "securebits": Flags("""
SECBIT_NOROOT=1 SECBIT_NOROOT_LOCKED=2 SECBIT_NO_SETUID_FIXUP=4 SECBIT_NO_SETUID_FIXUP_LOCKED=8 SECBIT_KEEP_CAPS=0x10
SECBIT_KEEP_CAPS_LOCKED=0x20 SECBIT_NO_CAP_AMBIENT_RAISE=0x40 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED=0x80 """),
    "control": Flags("""
PR_SPEC_PRCTL=1 PR_SPEC_ENABLE=2 PR_SPEC_DISABLE=4 PR_SPEC_FORCE_DISABLE=8 PR_SPEC_DISABLE_NOEXEC=0x10 """),
}  # fmt: skip
_UNKNOWN = ("hex",) * 4
_kinds = {words[0]: tuple(words[1:]) for words in map(str.split, _KINDS.strip().splitlines())}


def _argument(index: int, value: int, option: int, data: bytes | None) -> str | None:
    """Return argument `index` behind the option, counted from 0; None where the option takes fewer."""
    kinds = _kinds.get(prctl_option[option & MASK_32], _UNKNOWN)
    if index >= len(kinds):
        return None
    kind = kinds[index]
    match kind:
        case "signal":
            return signal(value)
        case "text":
            return address(value) if data is None else quoted(data)
        case "number":
            return str(value & MASK_64)
        case "signed":
            return str(signed(value, 64))
        case "process":
            return str(signed(value))
        case "address" | "hex":
            return address(value)
    return _NAMES[kind](value) if kind in _NAMES else _SETS[kind](value)


def _decoder(index: int) -> Decoder:
    def show(value: int, option: int, data: bytes | None) -> str | None:
        return _argument(index, value, option, data)

    return Decoder(f"prctl_argument_{index + 2}", show, (Memory("text", 64),))


DECODERS = tuple(_decoder(index) for index in range(4))
