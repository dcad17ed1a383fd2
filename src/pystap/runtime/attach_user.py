"""Hanging programs on places in user code: all places of a file at once where the kernel can, else one by one."""

from __future__ import annotations

import errno
import os

from ..abi.image import ProgramKind
from ..lean import Callable, Iterator
from ..loader.errors import KernelRefused
from ..loader.links import Link, UprobeSpec, attach_uprobe, attach_uprobes
from ..loader.programs import Program
from ..program.attach import Uprobes, UserPlaces

_ENOTSUPP = 524
"""The kernel's own error for code that it cannot step over (include/linux/errno.h)."""
_GET_ATTACH_COOKIE = b"\x85\x00\x00\x00\xae\x00\x00\x00"
"""The call of bpf_get_attach_cookie, helper 174."""


def attach_user_code(program: Program, code: Uprobes, copy_for: Callable[[int], Program]) -> Iterator[Link]:
    """Attach to every place; `copy_for` gives the program for the place of a number.

    Of many places those that the kernel refuses are left out; a single one that it refuses, or all, is an error.
    Raises `KernelRefused`.
    """
    first, attached = 0, 0
    refused: KernelRefused | None = None
    for places in code.files:
        _check(places.path)
        try:
            for link in _links(program, code, places, first, copy_for):
                attached += 1
                yield link
        except KernelRefused as error:
            refused = error
            if error.errno in (errno.EPERM, errno.EACCES):
                raise
        first += len(places.offsets)
    if refused is not None and not attached:
        raise refused


def _check(path: str) -> None:
    try:
        os.stat(path)
    except OSError as error:
        raise KernelRefused(f"probe '{path}'", error.errno or 0) from None


def _links(
    program: Program, code: Uprobes, places: UserPlaces, first: int, copy_for: Callable[[int], Program]
) -> Iterator[Link]:
    cookies = code.cookies[first : first + len(places.offsets)] or tuple(range(first, first + len(places.offsets)))
    if program.spec.kind is ProgramKind.UPROBE_MULTI:
        yield from _at_once(program, code, places, cookies)
    else:
        yield from _one_by_one(program, code, places, cookies, first, copy_for)


def _at_once(program: Program, code: Uprobes, places: UserPlaces, cookies: tuple[int, ...]) -> Iterator[Link]:
    """Attach a uprobe-multi program; the kernel refuses all for one, so halves are tried to leave that one out."""
    pid = max(code.pid, 0)
    try:
        yield attach_uprobes(
            program, places.path, places.offsets, code.returns, cookies, places.semaphores or None, pid
        )  # fmt: skip
        return
    except KernelRefused as error:
        if len(places.offsets) == 1:
            raise _explained(error, places.path, places.offsets[0]) from None
        if error.errno in (errno.EPERM, errno.EACCES, errno.ESRCH):
            raise
    middle = len(places.offsets) // 2
    refused: KernelRefused | None = None
    attached = 0
    for part in (slice(None, middle), slice(middle, None)):
        half = UserPlaces(places.path, places.offsets[part], places.semaphores[part])
        try:
            for link in _at_once(program, code, half, cookies[part]):
                attached += 1
                yield link
        except KernelRefused as error:
            refused = error
    if refused is not None and not attached:
        raise refused


def _explained(error: KernelRefused, path: str, offset: int) -> KernelRefused:
    """Return a refusal of a place in words that say what is the matter with it."""
    details = {
        _ENOTSUPP: "the instruction there cannot be probed",
        errno.ENOEXEC: "the instruction there cannot be probed",
        errno.EINVAL: "it is no place in code",
        errno.ESRCH: "the process has gone",
    }
    detail = details.get(error.errno)
    if detail is None:
        return error
    return KernelRefused(f"probe '{path}' at offset {offset:#x}", error.errno, detail=detail)


def _one_by_one(
    program: Program, code: Uprobes, places: UserPlaces, cookies: tuple[int, ...], first: int,
    copy_for: Callable[[int], Program],
) -> Iterator[Link]:  # fmt: skip
    wants_cookie = _GET_ATTACH_COOKIE in program.spec.code
    refused: KernelRefused | None = None
    attached = 0
    for number, offset in enumerate(places.offsets):
        semaphore = places.semaphores[number] if places.semaphores else 0
        spec = UprobeSpec(places.path, offset, code.returns, semaphore, code.pid if code.pid > 0 else -1)
        try:
            yield attach_uprobe(copy_for(first + number), spec, cookies[number] if wants_cookie else None)
            attached += 1
        except KernelRefused as error:
            refused = _explained(error, places.path, offset)
            if error.errno in (errno.EPERM, errno.EACCES):
                break
    if refused is not None and not attached:
        raise refused
