"""Texts of every call from arguments and memory that make no sense: they are shown, whatever they are."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from random import Random

import pytest

from pystap.arch.x86_64_syscalls import SYSCALLS, SYSCALLS_32
from pystap.program.user_memory import COMPAT_CALL, UserRead
from pystap.tapset.functions.syscall import syscall_argstr, syscall_retstr_of, syscall_variable
from pystap.tapset.services import Services
from pystap.tapset.syscalls.calls import call_of_number, new_layout
from pystap.tapset.syscalls.tables import reads

from ..runtime import Recorder

CALLS = [*SYSCALLS.values(), *(number + COMPAT_CALL for number in SYSCALLS_32.values())]
NASTY = (0, 1, -1, 2, 16, 255, -100, 4096, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xDEAD_BEEF, 2**63 - 1, -(2**63))
ROUNDS = 12


def argument(random: Random) -> int:
    """Return a register: a number that is special somewhere, a small one, or any."""
    match random.randrange(3):
        case 0:
            return random.choice(NASTY)
        case 1:
            return random.randrange(-1, 64)
        case _:
            return random.getrandbits(64) - 2**63


def block(random: Random, plan: Sequence[UserRead]) -> bytes:
    """Return what the kernel may send for a plan: each read failed, is short, or any bytes."""
    body = b""
    for read in plan:
        size = min(read.memory.size, 512)
        match random.randrange(4):
            case 0:
                body += struct.pack("=q", -14)
                continue
            case 1:
                data = random.randbytes(random.randrange(size + 1))
            case 2:
                data = bytes([random.choice((0, 255))]) * size
            case _:
                data = random.randbytes(size)
        if read.memory.kind == "text":
            data = data.replace(b"\0", b"\1")
        body += struct.pack("=q", len(data)) + data + bytes(-len(data) % 8)
    return struct.pack("=Q", len(body)) + body


def texts(rt: Services, random: Random, number: int) -> Iterator[tuple[str, str]]:
    """Return argstr and the text variables of one call of that number, each with its name."""
    compat, layout, row = number >= COMPAT_CALL, new_layout(number), call_of_number(number)
    six = [argument(random) for _ in range(6)]
    plan = reads(row.pieces, compat, layout) if row is not None else ()
    yield "argstr", syscall_argstr(rt, number, *six, *([block(random, plan)] if plan else []))
    yield "retstr", syscall_retstr_of(rt, number, argument(random))
    for name, use in {**row.variables, **row.return_variables}.items() if row is not None else ():
        if not use.is_long and use.decoder != "text":
            plan = reads([use], compat, layout)
            yield name, syscall_variable(rt, name, number, *six, *([block(random, plan)] if plan else []))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_arguments_are_there_is_a_text(seed: int) -> None:
    random, rt = Random(seed), Recorder()
    for number in CALLS:
        for _ in range(ROUNDS):
            state = random.getstate()
            try:
                shown = list(texts(rt, random, number))
            except Exception as error:
                pytest.fail(f"call {number}, {state[1][:2]}: {error!r}")
            for name, text in shown:
                assert isinstance(text, str)
                assert all(" " <= letter < "\x7f" for letter in text), (number, name, text)
                assert text or name in ("argstr", "pid_name") or name.startswith("uaddr_"), (number, name)
