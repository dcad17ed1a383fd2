"""Runs programs on both targets in this process and tells where they differ.

    script                              user target              kernel target
    probe begin { x = 1 / 0 }           a Python function        probe syscall.NAME { x = 1 / 0 } as eBPF

The text of both is the same but for the line of the probe point, so that places in messages agree. In the kernel each
handler is run through BPF_PROG_TEST_RUN with a made-up system call number: nothing is attached, no other process can
set it off, and its events are handled between the runs. Handlers in `probe timer.s(1000)` are user handlers in both,
which share globals with the others. A program's handlers are run in turn, `hits` times each; what they print, their
run-time errors, and the globals in the end must be the same.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pystap.abi.image import ProgramSpec
from pystap.abi.map_layout import lay_out
from pystap.abi.session_image import SessionImage
from pystap.arch.x86_64_syscalls import SYSCALLS
from pystap.assemble import assemble
from pystap.diagnostics import Diagnostics, PassFailed, ScriptError, render
from pystap.elaborate import Inputs, elaborate
from pystap.kernel import CompilerError, InternalError, KernelFacts, generate
from pystap.kernel_facts import kernel_facts
from pystap.loader.errors import KernelRefused
from pystap.options.checks import SYSTEMTAP_VERSION
from pystap.program.attach import Never, Syscalls
from pystap.program.limits import Limits
from pystap.program.program import ElaboratedProgram, Target
from pystap.program.user_memory import COMPAT_CALL
from pystap.records import replace
from pystap.registries import Builtins, Library, kernel_types, probe_kinds
from pystap.runtime.run_options import RunOptions
from pystap.runtime.session import Session
from pystap.source import SourceFile
from pystap.syntax import PreprocessorFacts, ast, parse_script
from pystap.tapset.syscalls.calls import call_numbers
from pystap.user.arrays import ScriptArray
from pystap.user.codegen import generate as generate_user_code
from pystap.user.statistics import Statistic

_BEGIN = re.compile(r"^(probe (?:[^{}\n]*[=,] )?)begin \{", re.MULTILINE)
_PROBE = re.compile(r"^probe (begin|timer)", re.MULTILINE)
LIMITS = Limits(max_string=128, max_errors=1 << 30, max_skipped=1 << 30, max_action_user=5000)
"""Short strings, so that they overflow; errors do not end a session, which runs many programs."""

DEFAULT_LIMITS = Limits()


class NotCompiled(Exception):
    """A script that does not compile, or kernel code that is not made: the message says why."""


class LlvmRefused(Exception):
    """LLVM has no code for a kernel handler (its stack is too small): the product defers it."""


@dataclass(frozen=True)
class Compiled:
    """A script for one target. `deferred` has the indices of the handlers whose rest runs in user space, and why."""

    image: SessionImage
    deferred: dict[int, str]


@dataclass
class Outcome:
    """What a handler showed in each run (text, and messages in front of `!`), and the globals at the end."""

    shown: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        rows = [f"{name} = {value!r}" for name, value in sorted(self.values.items())]
        return "\n".join((*self.shown, "-- globals", *rows))


@dataclass(frozen=True)
class Difference:
    """A script that does not mean the same on both targets, or that one of them does not take."""

    script: str
    kind: str
    user: str
    kernel: str

    def __str__(self) -> str:
        return f"{self.kind}\n{self.script}\n--- user target\n{self.user}\n--- kernel target\n{self.kernel}\n"


@cache
def _call_names() -> list[str]:
    """Names of system calls, each with one number: one for each handler of a script."""
    return [name for name in sorted(SYSCALLS) if _native_numbers(name) == {SYSCALLS[name]}]


def _native_numbers(name: str) -> set[int]:
    return {number for number in call_numbers(name) or () if number < COMPAT_CALL}


def kernel_script(text: str) -> str:
    """Return the script with its begin probes, and the begin points of its aliases, on system calls, one each."""
    names = iter(_call_names())
    return _BEGIN.sub(lambda found: f"{found[1]}syscall.{next(names)} {{", text)


@cache
def _front(tapset: Path | None) -> tuple[PreprocessorFacts, Library]:
    facts = PreprocessorFacts(
        kernel_release=os.uname().release, systemtap_version=SYSTEMTAP_VERSION, privilege="stapdev", guru_mode=False,
        arguments=(), compatible=None,
    )  # fmt: skip
    return facts, Library(facts, Diagnostics(), [str(tapset)] if tapset else [])


def preload_llvm() -> None:
    """Have LLVM in this process, so that the children that compile need not load it."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@dataclass
class Kernel:
    """The kernel that code is made for; `old` leaves out what Linux 5.10 does not have."""

    old: bool = False

    def facts(self, program: ElaboratedProgram) -> KernelFacts:
        facts = kernel_facts(program, False)
        return replace(facts, fetching_atomics=False, bpf_loop=False, function_calls=False) if self.old else facts


KERNEL = Kernel()


_ATOMIC_WORD, _ATOMIC_DOUBLE_WORD, _ADD = 0xC3, 0xDB, 0
"""BPF_STX | BPF_ATOMIC of 4 and 8 bytes, and the operation that is older than all others (linux/bpf.h)."""


def has_new_atomics(program: ProgramSpec) -> bool:
    """Tell whether a program has atomic operations that Linux 5.10 does not: all but the adding without a result."""
    instructions = struct.iter_unpack("=BBhi", program.code)
    return any(code in (_ATOMIC_WORD, _ATOMIC_DOUBLE_WORD) and what != _ADD for code, _, _, what in instructions)


def elaborated(
    text: str, limits: Limits = LIMITS, deferred: frozenset[int] = frozenset(), tapset: Path | None = None
) -> ElaboratedProgram:
    """Return the elaborated program of a script; handlers in `deferred` only send events. Raises `NotCompiled`."""
    facts, library = _front(tapset)
    diagnostics = Diagnostics()
    try:
        script: ast.ScriptFile = parse_script(SourceFile("t.stp", text), facts, library.macros, diagnostics=diagnostics)
        diagnostics.stop_if_errors()
        return elaborate(
            Inputs(script, library, probe_kinds(), Builtins(), kernel_types, limits, diagnostics, deferred=deferred)
        )
    except (PassFailed, ScriptError) as error:
        if isinstance(error, ScriptError):
            diagnostics.add(error.diagnostic)
        raise NotCompiled("".join(render(d) for d in diagnostics.errors)) from None


def compiled(
    text: str, limits: Limits = LIMITS, deferred: frozenset[int] = frozenset(), tapset: Path | None = None
) -> Compiled:
    """Compile a script. Raises `NotCompiled`, `LlvmRefused`."""
    program = elaborated(text, limits, deferred, tapset)
    user_code = generate_user_code(program)
    layout = lay_out(program)
    if any(handler.target is Target.KERNEL for handler in program.handlers):
        preload_llvm()
    try:
        kernel_code = generate(program, layout, KERNEL.facts(program))
    except CompilerError as error:
        raise LlvmRefused(str(error)) from None
    except InternalError as error:
        raise NotCompiled(f"InternalError: {error}") from None
    image = assemble(program, layout, kernel_code, user_code, os.uname().release)
    assert not (KERNEL.old and any(map(has_new_atomics, image.programs))), "Linux 5.10 has no such atomic operation"
    deferred = {handler.index: handler.reason for handler in program.handlers if handler.reason}
    return Compiled(image, deferred)


class _Recorder:
    """A session with nothing attached whose output and messages are kept in the order in which they came."""

    def __init__(self, image: SessionImage) -> None:
        self._shown: list[str] = []
        self.session = Session(_silent(image), RunOptions(), self)
        self.session.report.mirror = self._message
        self.session.start()
        self._shown.clear()

    def write(self, data: bytes) -> None:
        self._shown.append(data.decode("latin-1"))

    def close(self) -> None:
        """Nothing is held (the sink protocol)."""

    def _message(self, text: str) -> None:
        self._shown.append("!" + text)

    def taken(self) -> str:
        self.session.output.flush()
        text = "".join(self._shown)
        self._shown.clear()
        return text

    def values(self) -> dict[str, Any]:
        squares = {layout.name for layout in self.session.image.globals if layout.reads_variance}
        found = self.session.read_globals()
        return {name: _plain(value, name in squares) for name, value in found.items()}


def _plain(value: object, squares: bool) -> object:
    """A global's value as something to compare; the order of an array's elements does not count.

    The squares of a statistic are kept in the kernel only where the script reads the variance.
    """
    if isinstance(value, ScriptArray):
        return {key: _plain(element, squares) for key, element in sorted(value.elements.items())}
    if isinstance(value, Statistic):
        if not value.count:
            return "empty"
        variance = value.variance(("", "")) if squares else None
        return (value.count, value.sum, value.low, value.high, variance, sorted(value.buckets.items()))
    return value


def _silent(image: SessionImage) -> SessionImage:
    """Return the image with handlers that no phase of the session runs by itself."""
    handlers = (replace(h, attach=Never()) if h.function else h for h in image.handlers)
    return replace(image, handlers=tuple(handlers), attachments=())


Run = tuple[list[list[str]], dict[str, Any]]
"""What each program showed, run by run, and the globals."""


def run(made: Compiled, programs: Sequence[Sequence[int]], hits: int, late: Sequence[bool] = ()) -> Run:
    """Return what each program showed, run by run, and the globals.

    A program is the indices of its handlers. Of those marked in `late` the events are read when user code wants to
    run, and at the end of the program; what was shown is one piece then.
    """
    recorder = _Recorder(made.image)
    session = recorder.session
    numbers = {h.index: min(h.attach.numbers or ()) for h in made.image.handlers if isinstance(h.attach, Syscalls)}
    try:
        shown = []
        for i, program in enumerate(programs):
            is_late = i < len(late) and late[i]
            rows = []
            for index in [*program] * hits:
                if index in numbers:
                    _hit(session, numbers[index])
                else:
                    _drain(session)
                    _run_user_handler(session, index)
                if not is_late:
                    _drain(session)
                    rows.append(recorder.taken())
            _drain(session)
            shown.append(rows or [recorder.taken()])
        values = recorder.values()
        losses = session._kernel.loss_lines() if session._kernel is not None else []
        return shown, {**values, "losses": losses} if losses else values
    finally:
        session.close()


def lateness(kernel: Compiled, programs: Sequence[tuple[str, Sequence[str]]]) -> list[bool]:
    """Return for each program whether it may not matter when its events are read.

    It does where the rest of a deferred handler uses a global that kernel handlers only add to: that is not replayed,
    and the rest finds what was added until it runs (docs/differences.md, "Where handlers run").
    """
    added = {name for event in kernel.image.events for name in (*event.reads, *event.writes)}
    return [added.isdisjoint(names) for _, names in programs]


def _hit(session: Session, number: int) -> None:
    """Run the program for system call entries as for this call."""
    assert session._kernel is not None
    session._kernel._loaded.programs["syscall_entry"].run(struct.pack("=QQ", 0, number))


def _run_user_handler(session: Session, index: int) -> None:
    assert session._handlers is not None
    session._handlers.run_all([session.image.handlers[index]])


def _drain(session: Session) -> None:
    while session._read_events():
        pass


def shown_by(text: str, in_kernel: bool, limits: Limits = DEFAULT_LIMITS, tapset: Path | None = None) -> str:
    """Return what a script's begin handlers show, one after the other, on a target; run-time errors behind `!`."""
    made = compiled(kernel_script(text) if in_kernel else text, limits, tapset=tapset)
    shown, _ = run(made, [[h.index for h in made.image.handlers if not isinstance(h.attach, Never)]], 1)
    return "".join(shown[0])


@dataclass
class Tally:
    """What a run found: programs, those that stayed wholly in the kernel, those that the verifier refused and why.

    A refused program was compared as the product runs it then: with its handlers deferred as a whole.
    """

    programs: int = 0
    in_kernel: int = 0
    refused: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.programs += other.programs
        self.in_kernel += other.in_kernel
        self.refused += other.refused
        self.differences += other.differences


def compare(
    programs: Sequence[tuple[str, Sequence[str]]],
    hits: int = 2,
    late: bool = False,
    limits: Limits = LIMITS,
    deferred: frozenset[int] = frozenset(),
) -> Tally:
    """Run several programs in one script and return the differences.

    A program is its text, handlers in `probe begin {`, and the names of its globals, which are its own. Where the
    script as a whole is refused or does not compile, its halves are tried, so that every program counts by itself.
    """
    text = "\n".join(part for part, _ in programs)
    indices = indices_of(programs)
    target = "user"
    try:
        user = compiled(text, limits)
        target = "kernel"
        kernel = compiled(kernel_script(text), limits, deferred)
        of_user = run(user, indices, hits)
        of_kernel = run(kernel, indices, hits, lateness(kernel, programs) if late else ())
    except (NotCompiled, LlvmRefused, KernelRefused, AssertionError) as error:
        if len(programs) > 1:
            half = len(programs) // 2
            tally = compare(programs[:half], hits, late, limits)
            tally.add(compare(programs[half:], hits, late, limits))
            return tally
        if isinstance(error, KernelRefused | LlvmRefused) and not deferred:
            tally = compare(programs, hits, late, limits, frozenset(indices[0]))
            tally.refused.append(error.reason if isinstance(error, KernelRefused) else str(error))
            return tally
        return Tally(1, 0, [], [Difference(text, f"{target} target: {type(error).__name__}: {error}", "", "")])
    stayed = sum(not any(index in kernel.deferred for index in own) for own in indices)
    tally = Tally(len(programs), stayed)
    for part, one, other in outcomes(programs, of_user, of_kernel, late):
        if one != other:
            tally.differences.append(Difference(part, "different", one, other))
    return tally


def indices_of(programs: Sequence[tuple[str, Sequence[str]]]) -> list[range]:
    """Return the indices of each program's handlers in the script that they make together."""
    counts = [len(_PROBE.findall(part)) for part, _ in programs]
    return [range(sum(counts[:i]), sum(counts[: i + 1])) for i in range(len(counts))]


def outcomes(
    programs: Sequence[tuple[str, Sequence[str]]], user: Run, kernel: Run, late: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield for each program its text and what it came to on the user target and on the kernel target."""
    for i, (part, names) in enumerate(programs):
        shown, kernel_shown = (["".join(rows)] if late else rows for rows in (user[0][i], kernel[0][i]))
        one = Outcome(shown, _own(user[1], names)).text()
        other = Outcome(kernel_shown, _own(kernel[1], names)).text()
        yield part, one, other


def _own(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    wanted = {*names, "losses"}
    return {name: value for name, value in values.items() if name in wanted}
