"""Hanging programs on kernel functions, by the mechanism that they were made for."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence

from ..abi.image import ProgramKind
from ..kallsyms import forget
from ..loader.errors import KernelRefused
from ..loader.kallsyms import function_addresses
from ..loader.links import KprobeSpec, Link, attach_kprobe, attach_kprobes_by_name, attach_tracing
from ..loader.programs import Program
from ..program.attach import FunctionPoint, KernelFunctions

_GET_ATTACH_COOKIE = b"\x85\x00\x00\x00\xae\x00\x00\x00"
"""The call of bpf_get_attach_cookie, helper 174."""

_AT_ONCE = 4000
"""How many functions are attached in one system call, which nothing interrupts."""


def attach_functions(
    program: Program, functions: KernelFunctions, copy_for: Callable[[int], Program]
) -> Iterator[Link]:
    """Attach to each function, or to all at once; `copy_for` gives the program for the place of a number.

    Of many functions those that the kernel refuses are left out; a single one that it refuses, or all, is an error.
    Raises `KernelRefused`.
    """
    match program.spec.kind:
        case ProgramKind.FENTRY | ProgramKind.FEXIT:
            yield attach_tracing(program)
        case ProgramKind.KPROBE_MULTI:
            cookies = functions.cookies or tuple(range(len(functions.points)))
            names = [point.name for point in functions.points]
            for start in range(0, len(names), _AT_ONCE):
                part = slice(start, start + _AT_ONCE)
                yield from _at_once(program, names[part], cookies[part], functions.returns)
        case _:
            yield from _one_by_one(program, functions, copy_for)


def _at_once(program: Program, names: Sequence[str], cookies: Sequence[int], returns: bool) -> Iterator[Link]:
    """Attach a kprobe-multi program; the kernel refuses all for one, so halves are tried to leave that one out."""
    try:
        yield attach_kprobes_by_name(program, names, returns, cookies)
        return
    except KernelRefused as error:
        if len(names) == 1:
            raise _explained(error, names[0]) from None
        if error.errno in (errno.EPERM, errno.EACCES):
            raise
    middle = len(names) // 2
    refused: KernelRefused | None = None
    attached = 0
    for part in (slice(None, middle), slice(middle, None)):
        try:
            for link in _at_once(program, names[part], cookies[part], returns):
                attached += 1
                yield link
        except KernelRefused as error:
            refused = error
    if refused is not None and not attached:
        raise refused


def _one_by_one(program: Program, functions: KernelFunctions, copy_for: Callable[[int], Program]) -> Iterator[Link]:
    wants_cookie = _GET_ATTACH_COOKIE in program.spec.code
    refused: KernelRefused | None = None
    attached = 0
    several: dict[int, FunctionPoint] = {}
    for number, point in enumerate(functions.points):
        try:
            spec = _kprobe(point, functions.returns)
            yield attach_kprobe(copy_for(number), spec, number if wants_cookie else None)
            attached += 1
        except KernelRefused as error:
            if error.errno == errno.EADDRNOTAVAIL and point.is_entry:
                several[number] = point
            where = f"{point.name}+{point.offset:#x}" if not point.is_entry else point.name
            refused = _explained(error, where)
            if error.errno in (errno.EPERM, errno.EACCES):
                break
    for number, spec in _by_address(several, functions.returns):
        try:
            yield attach_kprobe(copy_for(number), spec, number if wants_cookie else None)
            attached += 1
        except KernelRefused as error:
            refused = error
    if refused is not None and not attached:
        raise refused


def _by_address(points: dict[int, FunctionPoint], returns: bool) -> Iterator[tuple[int, KprobeSpec]]:
    """Yield where the functions are whose names several have: the kernel takes such a name for none of them."""
    names: dict[str, list[str]] = {}
    for point in points.values():
        names.setdefault(point.module, []).append(point.name)
    found = {module: function_addresses(wanted, module) for module, wanted in names.items()}
    for number, point in points.items():
        for address in found[point.module].get(point.name, ()):
            yield number, KprobeSpec(address=address, returns=returns)
    forget()


def _kprobe(point: FunctionPoint, returns: bool) -> KprobeSpec:
    if point.address:
        return KprobeSpec(address=point.address, returns=returns)
    symbol = point.base or point.name
    return KprobeSpec(f"{point.module}:{symbol}" if point.module else symbol, point.offset, returns=returns)


def _explained(error: KernelRefused, name: str) -> KernelRefused:
    """Return a refusal of a function in words that say what is the matter with it."""
    details = {
        errno.EINVAL: f"{name} is blacklisted: the kernel allows no probes in it",
        errno.EILSEQ: "there is no start of an instruction",
        errno.EADDRNOTAVAIL: f"several functions are called {name}",
        errno.ENOENT: f"{name} is not there",
    }
    detail = details.get(error.errno)
    return KernelRefused(error.operation, error.errno, detail=detail) if detail else error
