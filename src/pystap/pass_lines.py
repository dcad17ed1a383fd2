"""How passes end, and what `-v` says of each, in SystemTap's form.

Pass 1: parsed user script and 3 library scripts using 31240virt/24100res/9800shr/15300data kb, in 10usr/0sys/12real
ms.   (one line)
"""

from __future__ import annotations

import os
import time

FAILURES = {
    1: "Pass 1: parse failed.  [man error::pass1]",
    2: "Pass 2: analysis failed.  [man error::pass2]",
    3: "Pass 3: translation failed.  [man error::pass3]",
    4: "Pass 4: compilation failed.  [man error::pass4]",
    5: "Pass 5: run failed.  [man error::pass5]",
}
_MEMORY = {"VmSize": "virt", "VmRSS": "res", "RssFile": "shr", "VmData": "data"}


Script = tuple[str, str]
"""The name of a script file, as diagnostics print it, and its text."""


class PassesEnded(Exception):
    """The last pass that was asked for (`-p1` to `-p3`) is through, or pass `failed` went wrong.

    `status` is the exit status, `failed` 0 when nothing is wrong. `text` is what the last pass prints, `repeated` what
    is to be said behind the line that names the failed pass.
    """

    def __init__(self, failed: int = 0, text: str = "", repeated: str = "") -> None:
        super().__init__(failed)
        self.failed = failed
        self.text = text
        self.repeated = repeated
        self.status = 1 if failed else 0


def say(text: str) -> None:
    """Write a line to standard error."""
    try:
        os.write(2, (text + "\n").encode(errors="surrogateescape"))
    except OSError:
        return


def memory_use() -> str:
    """Return this process's memory as "…virt/…res/…shr/…data kb" (proc(5), status)."""
    found = dict.fromkeys(_MEMORY.values(), "0")
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in _MEMORY:
                found[_MEMORY[name]] = value.split()[0]
    return "/".join(value + name for name, value in found.items()) + " kb"


class PassClock:
    """Times passes; `done` says how long a pass took since the one before when its verbosity asks for it."""

    def __init__(self, verbose: tuple[int, ...]) -> None:
        self._verbose = verbose
        self._start = (os.times(), time.monotonic())

    def wants(self, number: int, level: int = 1) -> bool:
        """Return whether pass `number` says what belongs to verbosity `level`."""
        return self._verbose[number - 1] >= level

    def restart(self) -> None:
        self._start = (os.times(), time.monotonic())

    def spent(self) -> str:
        """Return the time since the last pass as "…usr/…sys/…real ms"; children (the compiler) count too."""
        now = os.times()
        before, real = self._start
        user = now.user + now.children_user - before.user - before.children_user
        system = now.system + now.children_system - before.system - before.children_system
        return f"{round(user * 1000)}usr/{round(system * 1000)}sys/{(time.monotonic() - real) * 1000:.0f}real ms"

    def done(self, number: int, what: str, memory: bool = True) -> None:
        """Say that a pass is through, and start the clock for the next."""
        if self.wants(number):
            using = f" using {memory_use()}," if memory else ""
            say(f"Pass {number}: {what}{using} in {self.spent()}.")
        self.restart()


def count(number: int, noun: str) -> str:
    """Return "1 probe", "2 probes"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
