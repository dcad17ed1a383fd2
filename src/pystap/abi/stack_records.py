"""How stacks travel: a handler deals in their numbers, the stack itself is sent once (native byte order).

The number of a kernel stack or of a user stack is a hash of it. When a program meets a number that the map SEEN_MAP
does not have it sends one of these records, in front of the event that the number goes into, then enters it:

    0    u32   one of the kinds below
    4    u32   0: it belongs to no group of records
    8    s64   the number
  KERNEL_STACK (of the program that runs), INTERRUPTED_STACK (from the registers of what a clock interrupted)
    16   u64s  addresses, the innermost first
  USER_STACK
    16   s64   the address space
    24   u64   CLOCK_MONOTONIC in ns
    32   ...   the registers of user mode, as the kernel saves them (struct pt_regs)
    ...  u64s  what lies on the stack, from the stack pointer on
  WALKED_STACK: a user stack that the program could walk itself
    16   s64   the address space
    24   u64   CLOCK_MONOTONIC in ns
    32   u64s  addresses, the innermost first
  ADDRESS_SPACE
    16   u64   CLOCK_MONOTONIC in ns

An address space's number is the process id, and above its 32 bits how often the task has called execve. A user stack
is hashed by its words that may be return addresses, so two numbers may stand for the same stack, but not one for two.

A program walks a user stack by what the session has learned of the addresses on it: the map RULES_MAP has for an
address space and an address (with bit 63 for a return address) how its caller is found, three s64:

    0    the frame's end (its CFA) from the stack pointer or frame pointer
    8    where the caller's frame pointer is saved, from the CFA or the frame pointer
    16   bits: BASE_IS_FP, CFA_IS_THERE (it lies at that place), FP_AT_CFA, FP_AT_FP, NO_CALLER

Where an address is not in the map the whole stack is sent as a USER_STACK. What a program finds in USER_MAP under the
hash of a copy is the number of the stack: its own, or that of the same stack as walked (`walked_number`).
"""

from __future__ import annotations

from ..lean import Sequence

SEEN_MAP = "stacks_seen"
USER_MAP = "user_stacks_seen"
"""The same for what needs the mappings of processes; the session records these where the image has this map."""
SEEN_ENTRIES = 1 << 16
RULES_MAP = "stack_rules"
RULES_ENTRIES = 1 << 15
BASE_IS_FP, CFA_IS_THERE, FP_AT_CFA, FP_AT_FP, NO_CALLER = 1, 2, 4, 8, 16
RETURN_ADDRESS = 1 << 63
WALKED_FRAMES = 127
MULTIPLIER = 0x9E3779B97F4A7C15
"""2^64 / the golden ratio, an odd number without pattern."""


def walked_number(space: int, addresses: Sequence[int]) -> int:
    """Return the number that programs give a stack which they walk, signed."""
    mask = (1 << 64) - 1
    number = space & mask
    for index, address in enumerate(addresses):
        number ^= address | RETURN_ADDRESS if index else address
        if index < len(addresses) - 1:
            number ^= number >> 32
        number = number * MULTIPLIER & mask
    number |= 1
    return number - (1 << 64) if number >> 63 else number


WALKED_STACK, INTERRUPTED_STACK, ADDRESS_SPACE, USER_STACK, KERNEL_STACK = range(0x7FFF_FFFA, 0x7FFF_FFFF)
FIRST_STACK_RECORD = WALKED_STACK

NUMBER_OFFSET = 8
FRAMES_OFFSET = 16
SPACE_OFFSET, TIME_OFFSET, REGISTERS_OFFSET = 16, 24, 32
SPACE_TIME_OFFSET = 16
KERNEL_FRAMES = 127
"""As many as the kernel gives without changing kernel.perf_event_max_stack."""
USER_BYTES = 16376
"""The most bytes of a user stack that are sent."""
