"""Trying whether LLVM and the running kernel take a script's kernel handlers, so that one they refuse can be deferred.

What eBPF is too small for (512 bytes of stack, jumps over 32,767 instructions, a million steps to verify) depends on
LLVM, on the kernel, and on the handlers that share a program; it cannot be known from the script. So each program is
compiled, and loaded once, unattached, before the image is kept. Where several handlers share what was refused, each is
tried by itself, so that only those that are too much are deferred.
"""

from __future__ import annotations

from collections.abc import Iterable

from .abi.image import MapKind, MapSpec
from .abi.map_layout import lay_out
from .kernel import Compiler, CompilerError, InternalError, KernelCode, KernelFacts, generate
from .loader.errors import KernelRefused, MissingPrivilege
from .loader.image import LoadedImage
from .program.program import ElaboratedProgram, Handler, Target
from .records import dataclass, replace

_TABLES = (MapKind.HASH, MapKind.PERCPU_HASH, MapKind.LRU_HASH, MapKind.LRU_PERCPU_HASH)

_LLVM_LIMITS = {
    "BPF stack limit": "it needs more than the 512 bytes of stack that eBPF has",
    "Branch target out of insn range": "a jump in it is longer than eBPF can express",
}
"""What LLVM says of programs that are too much for eBPF, and what that means to the author of a script."""


@dataclass(frozen=True)
class Attempt:
    """What became of a program: its kernel code where LLVM has it, and the handlers that were refused, with reasons."""

    code: KernelCode | None
    refused: dict[int, str]
    error: Exception | None = None
    """Why there is no code."""


def attempt(program: ElaboratedProgram, facts: KernelFacts, loads: bool, compiler: Compiler | None = None) -> Attempt:
    """Compile the kernel handlers of a program and, with `loads`, have the running kernel verify them.

    A `compiler` that was started before saves time; it compiles once.
    """
    handlers = [handler for handler in program.handlers if handler.target is Target.KERNEL]
    try:
        code = generate(program, lay_out(program), facts, compiler)
    except (CompilerError, InternalError) as error:
        return Attempt(None, _blamed(program, facts, handlers, _words(error), loads), error)
    refused: dict[int, str] = {}
    if loads:
        for indices, reason in _refused_programs(code):
            sharing = [handler for handler in handlers if handler.index in indices]
            refused |= _blamed(program, facts, sharing, reason, loads)
    return Attempt(code, refused)


def _blamed(
    program: ElaboratedProgram, facts: KernelFacts, handlers: list[Handler], reason: str, loads: bool
) -> dict[int, str]:
    """Return which of the handlers that were refused together are refused by themselves; if none is, the largest."""
    if len(handlers) <= 1:
        return {handler.index: reason for handler in handlers}
    refused: dict[int, str] = {}
    sizes: dict[int, int] = {}
    layout = lay_out(program)  # it counts on all handlers
    for handler in handlers:
        alone = replace(program, handlers=[h for h in program.handlers if h is handler or h.target is Target.USER])
        try:
            code = generate(alone, layout, facts)
        except (CompilerError, InternalError) as error:
            refused[handler.index] = _words(error)
            continue
        sizes[handler.index] = len(code.ir)
        if loads and (found := _refused_programs(code)):
            refused[handler.index] = found[0][1]
    return refused or {max(sizes, key=lambda index: sizes[index]): f"with others in one program: {reason}"}


def _words(error: Exception) -> str:
    """Return an error of LLVM in one line, without the place in its input, which nobody has seen."""
    import re

    text = " ".join(str(error).split())
    known = (meaning for sign, meaning in _LLVM_LIMITS.items() if sign in text)
    return next(known, re.sub(r"^(LLVM ERROR|error): (<unknown>:\d+:\d+: )?", "", text))


def _refused_programs(code: KernelCode) -> list[tuple[tuple[int, ...], str]]:
    """Return the handlers of each program that the kernel refuses, with its reason.

    Nothing is refused where this process may not load programs at all: who runs the image will see.
    """
    refused: list[tuple[tuple[int, ...], str]] = []
    with LoadedImage() as image:
        try:
            for map_spec in _small(code.maps):
                image.add_map(map_spec)
        except KernelRefused:
            return []
        handlers = {attachment.program: attachment.handlers for attachment in code.attachments}
        for spec in code.programs:
            try:
                image.add_program(spec, dict.fromkeys((item.symbol for item in spec.relocations), 0))
            except MissingPrivilege:
                return []
            except KernelRefused as error:
                refused.append((handlers.get(spec.name, ()), error.reason))
    return refused


def _small(specs: Iterable[MapSpec]) -> Iterable[MapSpec]:
    """Yield the maps with few entries: how many they hold is nothing to the verifier, and their memory takes time."""
    for spec in specs:
        yield replace(spec, max_entries=min(spec.max_entries, 64)) if spec.kind in _TABLES else spec
