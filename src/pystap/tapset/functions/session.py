"""What only the session has: speculation, shell commands, output files, chance, load averages."""

from __future__ import annotations

from ...program.builtins import Builtin, Effect
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..ir import GET_PRANDOM_U32, helper, ir_function
from ..services import Services

L, S = Type.LONG, Type.STRING


class Speculations:
    """The speculation buffers that are neither committed nor discarded, by id."""

    def __init__(self) -> None:
        self.last = 0
        self.buffers: dict[int, list[str]] = {}


def speculation(rt: Services) -> int:
    """Open a buffer and return its id; ids count from 1."""
    speculations = rt.state(Speculations)
    speculations.last += 1
    speculations.buffers[speculations.last] = []
    return speculations.last


def speculate(rt: Services, number: int, output: str) -> None:
    """Keep text for a buffer; an id that is not open takes none."""
    buffer = rt.state(Speculations).buffers.get(number)
    if buffer is not None:
        buffer.append(output)


def commit(rt: Services, number: int) -> None:
    """Write what a buffer holds, in order, and close it."""
    rt.write("".join(rt.state(Speculations).buffers.pop(number, ())))


def discard(rt: Services, number: int) -> None:
    rt.state(Speculations).buffers.pop(number, None)


def system(rt: Services, cmd: str) -> None:
    rt.system(cmd)


def switch_file(rt: Services) -> None:
    rt.switch_file()


def stp_print_binary(rt: Services, n: int, *numbers: int) -> None:
    """Write the first `n` numbers, at most four, as 8 bytes each, the lowest first."""
    size = min(max(n, 0), len(numbers))
    rt.write(b"".join((value & (1 << 64) - 1).to_bytes(8, "little") for value in numbers[:size]).decode("latin-1"))


def target_set_report(rt: Services) -> None:
    """Print the target process and what descends from it, a line each, the parent behind it."""
    lines = [f"{pid} ({name}) child of {parent}\n" for pid, parent, name in _descendants(rt.target_pid)]
    rt.write("target set:\n" + "".join(lines))


def _descendants(root: int) -> list[tuple[int, int, str]]:
    """Return id, parent's id and name of a process and of all that descend from it, by their ids (proc(5))."""
    import os

    known: dict[int, tuple[int, str]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="latin-1") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it has ended
        known[int(entry)] = (int(rest.split()[1]), name)

    def belongs(pid: int) -> bool:
        seen = 0
        while pid in known and pid != root and seen < len(known):
            pid, seen = known[pid][0], seen + 1
        return pid == root and root in known

    return [(pid, *known[pid]) for pid in sorted(known) if belongs(pid)]


def randint(rt: Services, n: int) -> int:
    """Return a number from 0 to n - 1; 0 for n below 1. `n` is at most 2**20 (man function::randint)."""
    import random

    return random.randrange(n) if n > 0 else 0


_RANDINT = ir_function(
    "fn_randint",
    "i64 %n",
    f"""\
  %drawn = call i64 {helper(GET_PRANDOM_U32)}()
  %bits = and i64 %drawn, 4294967295
  %above = call i64 @llvm.smax.i64(i64 %n, i64 1)
  %r = urem i64 %bits, %above
  ret i64 %r
""",
)


def _load_averages() -> list[str]:
    with open("/proc/loadavg", encoding="utf-8") as file:
        return file.read().split()[:3]


def get_loadavg_index(rt: Services, index: int) -> int:
    """Return the whole part of the load average of 1, 5 or 15 minutes (index 0, 1, 2)."""
    if not 0 <= index <= 2:
        raise RuntimeFault("loadavg index out of bounds")
    return int(float(_load_averages()[index]))


def sprint_loadavg(rt: Services) -> str:
    return " ".join(_load_averages())


ROWS = (
    Builtin("speculation", (), L, Effect.SESSION, speculation),
    Builtin("speculate", (("id", L), ("output", S)), None, Effect.ACTION, speculate),
    Builtin("commit", (("id", L),), None, Effect.ACTION, commit),
    Builtin("discard", (("id", L),), None, Effect.ACTION, discard),
    Builtin("system", (("cmd", S),), None, Effect.ACTION, system),
    Builtin("switch_file", (), None, Effect.ACTION, switch_file),
    Builtin("randint", (("n", L),), L, Effect.PURE, randint, _RANDINT, varies=True),
    Builtin("get_loadavg_index", (("indx", L),), L, Effect.PURE, get_loadavg_index, varies=True),
    Builtin("sprint_loadavg", (), S, Effect.PURE, sprint_loadavg, width=32, varies=True),
    Builtin(
        "stp_print_binary",
        (("n", L), *((f"arg{index}", L) for index in range(1, 5))),
        None,
        Effect.ACTION,
        stp_print_binary,
    ),
    Builtin("target_set_report", (), None, Effect.ACTION, target_set_report),
)
