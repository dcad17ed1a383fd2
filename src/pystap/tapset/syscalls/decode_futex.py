"""The operations of futex and its like (linux/futex.h)."""

from __future__ import annotations

from .names import MASK_32, Flags, Kept, Names, signed, values

_FUTEX = Names("""
FUTEX_WAIT FUTEX_WAKE FUTEX_FD FUTEX_REQUEUE FUTEX_CMP_REQUEUE FUTEX_WAKE_OP FUTEX_LOCK_PI FUTEX_UNLOCK_PI
FUTEX_TRYLOCK_PI FUTEX_WAIT_BITSET FUTEX_WAKE_BITSET FUTEX_WAIT_REQUEUE_PI FUTEX_CMP_REQUEUE_PI FUTEX_LOCK_PI2
""")
_PRIVATE, _REALTIME = 0x80, 0x100


@Kept
def futex_operation(value: int) -> str:
    """Return the operation of futex: `FUTEX_WAIT_PRIVATE`, `FUTEX_WAIT|FUTEX_CLOCK_REALTIME`."""
    number = value & MASK_32
    text = _FUTEX[number & ~(_PRIVATE | _REALTIME)]
    if number & _PRIVATE:
        text += "_PRIVATE" if text.startswith("F") else "|FUTEX_PRIVATE_FLAG"
    return f"{text}|FUTEX_CLOCK_REALTIME" if number & _REALTIME else text


FUTEX_USES = {
    0: "vt", 1: "v", 2: "v", 3: "vna", 4: "vna3", 5: "vnaw", 6: "t", 7: "", 8: "", 9: "vt3", 10: "v3", 11: "vta",
    12: "vna3", 13: "t",
}  # fmt: skip
"""What each operation takes: a value, a timeout, a number in its place, a second address, a third value (a mask of
bits, or an operation)."""


def futex_count(value: int, operation: int) -> str | None:
    """Return the value of futex; None for the operations that take none."""
    uses = FUTEX_USES.get(operation & MASK_32 & ~(_PRIVATE | _REALTIME), "v")
    return str(signed(value)) if "v" in uses else None


_BITSETS = frozenset((9, 10))
_WAKE_OPERATIONS = Names("FUTEX_OP_SET FUTEX_OP_ADD FUTEX_OP_OR FUTEX_OP_ANDN FUTEX_OP_XOR")
_COMPARISONS = Names("""
FUTEX_OP_CMP_EQ FUTEX_OP_CMP_NE FUTEX_OP_CMP_LT FUTEX_OP_CMP_LE FUTEX_OP_CMP_GT FUTEX_OP_CMP_GE
""")


def futex_third(value: int, operation: int) -> str:
    """Return the last argument of futex as its operation takes it."""
    number = value & MASK_32
    command = operation & MASK_32 & ~(_PRIVATE | _REALTIME)
    if command in _BITSETS and number == MASK_32:
        return "FUTEX_BITSET_MATCH_ANY"
    if command == 5:
        shift = "FUTEX_OP_OPARG_SHIFT<<28|" if number >> 31 else ""
        return (
            f"{shift}{_WAKE_OPERATIONS[number >> 28 & 7]}<<28|{number >> 12 & 0xFFF:#x}<<12|"
            f"{_COMPARISONS[number >> 24 & 0xF]}<<24|{number & 0xFFF:#x}"
        )
    return f"0x{number:x}"


futex2_flags = Flags(
    "FUTEX2_NUMA=4 FUTEX2_MPOL=8 FUTEX2_PRIVATE=0x80",
    field=(3, Names("FUTEX2_SIZE_U8 FUTEX2_SIZE_U16 FUTEX2_SIZE_U32 FUTEX2_SIZE_U64")),
)


DECODERS = values(
    futex_operation=futex_operation, futex_count=futex_count, futex_third=futex_third, futex2_flags=futex2_flags,
)  # fmt: skip
