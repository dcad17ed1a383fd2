"""Which program files a `process(...)[.library(...)]` means, and which processes it limits its probes to.

process("ls")            what the shell would run; a #! script means its interpreter
process("/bin/*sh")      every program that matches
process("libc.so.6")     a library, found as the dynamic linker does, in whatever process has it
process(1234)            the program of that process, there alone
process                  the program of the target (-c, -x), in the target and what descends from it
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from ..diagnostics import near_names, semantic_error
from ..lean import NoReturn, suppress
from ..program.attach import TARGET
from ..program.extension import PointPart
from ..program.user_code import Libraries
from ..records import dataclass

_ELFCLASS64 = 2
_MOST_SCRIPTS = 4
"""How often an interpreter may be a script itself (BINPRM_MAX_RECURSION in the kernel)."""


@dataclass(frozen=True, slots=True)
class RunTarget:
    """What -c and -x name: a command or a process id, or neither."""

    command: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """Which processes a probe is limited to: `pid` and `program` as in attach.Uprobes."""

    pid: int = 0
    program: str = ""


@dataclass(frozen=True, slots=True)
class ProgramFile:
    """A file to be probed, and for whom. `listed` are the components that `-l` shows for it."""

    path: str
    limit: Limit
    listed: tuple[PointPart, ...]


class Programs:
    """Finds files for the components of points. `folders` are those of PATH; raises ScriptError throughout."""

    def __init__(self, target: RunTarget, folders: Sequence[str], libraries: Libraries) -> None:
        self._libraries = libraries
        self._target = target
        self._folders = folders

    def files(self, parts: Sequence[PointPart]) -> list[ProgramFile]:
        """Return the files that the leading components mean, libraries included; at least one."""
        first = parts[0]
        executables = list(self.executables(first))
        if len(parts) < 2 or parts[1].name != "library":
            return executables
        found = [file for executable in executables for file in self._of_library(executable, parts[1])]
        if not found:
            self._no_library(executables, parts[1])
        return found

    def target_runs_later(self, limit: Limit) -> bool:
        """Tell whether a limit means the command of -c, which has not started when probes are attached."""
        return limit.pid == TARGET and bool(self._target.command)

    def target_limit(self) -> Limit:
        """Return what a point without a path is limited to where it needs no program: the target, if there is one."""
        return Limit(TARGET if self._target.command or self._target.pid else 0)

    def executables(self, part: PointPart) -> Iterator[ProgramFile]:
        """Yield the programs that `process(...)` means."""
        match part.argument:
            case None:
                path = self._target_program(part)
                yield ProgramFile(path, Limit(TARGET), (PointPart(part.name, path, part.span),))
            case int(pid):
                path = program_of(pid)
                if not path:
                    _fail(f"cannot find the program of process {pid}", part)
                yield ProgramFile(path, Limit(pid), (part,))
            case str(name):
                for path in self._named(name, part):
                    yield ProgramFile(path, Limit(), (PointPart(part.name, path, part.span),))

    def _target_program(self, part: PointPart) -> str:
        if self._target.command:
            words = _words(self._target.command)
            return self._executable(words[0], part) if words else self._executable("sh", part)
        if self._target.pid:
            path = program_of(self._target.pid)
            if path:
                return path
            _fail(f"cannot find the program of process {self._target.pid} (-x)", part)
        _fail("a process probe needs a program, a process id, or a target (-c or -x)", part)

    def _named(self, name: str, part: PointPart) -> list[str]:
        if not any(c in name for c in "*?["):
            return [self._executable(name, part)]
        classes = _programs_like(name if "/" in name else f"/usr/bin/{name}")
        if _ELFCLASS64 not in classes.values() and name.startswith(("/lib", "/usr/lib")):
            # Debian keeps the libraries of /lib64 in a folder named after the machine (multiarch).
            folder, _, file = name.rpartition("/")
            classes = _programs_like(f"{folder}/*-linux-gnu/{file}") or classes
        if not classes:
            _fail(f"no program matches '{name}'", part)
        # A pattern such as /usr/lib*/libc.so.6 matches the 32-bit libraries too, which cannot be probed.
        return [path for path, elf_class in classes.items() if elf_class == _ELFCLASS64] or list(classes)

    def _executable(self, name: str, part: PointPart) -> str:
        path = self._found(name)
        if not path:
            near = near_names(name, self._program_names()) if "/" not in name else []
            hint = f" (similar programs: {', '.join(near)})" if near else ""
            _fail(f"cannot find executable '{name}'{hint}", part)
        if os.path.isdir(path):
            _fail(f"'{path}' is a folder, not a program", part)
        for _ in range(_MOST_SCRIPTS):
            interpreter = self._interpreter(path)
            if not interpreter:
                break
            found = self._found(interpreter)
            if not found:
                _fail(f"cannot find '{interpreter}', the interpreter of the script '{path}'", part)
            path = found
        if not os.access(path, os.R_OK):
            _fail(f"'{path}' cannot be read", part)
        return os.path.realpath(path)

    def _found(self, name: str) -> str:
        """Return the file that a name means: as the shell does, a library, a file of this folder; "" for none."""
        if not name or "/" in name:
            return name if os.path.exists(name) else ""
        for folder in self._folders:
            path = f"{folder or '.'}/{name}"
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        found = self._libraries.find_library(name) or self._libraries.find_by_stem(name)
        return found or (name if os.path.isfile(name) else "")

    def _interpreter(self, path: str) -> str:
        """Return what the first line of a script names, for `env NAME` that name; "" for no script."""
        with suppress(OSError), open(path, "rb") as file:
            line = file.readline(256)
            if line.startswith(b"#!"):
                words = line[2:].decode(errors="surrogateescape").split()
                if words and os.path.basename(words[0]) == "env":
                    words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
                return words[0] if words else ""
        return ""

    def _program_names(self) -> Iterator[str]:
        for folder in self._folders:
            with suppress(OSError):
                yield from os.listdir(folder or ".")

    # ---------------------------------------------------------------------------------------------- libraries

    def _of_library(self, executable: ProgramFile, part: PointPart) -> Iterator[ProgramFile]:
        pattern = str(part.argument)
        limit = executable.limit if executable.limit.pid else Limit(0, executable.path)
        seen: set[str] = set()
        for name, path in self.linked(executable):
            if path and path not in seen and _names_library(pattern, name, path):
                seen.add(path)
                yield ProgramFile(path, limit, (*executable.listed, PointPart(part.name, path, part.span)))
        if not seen and not any(c in pattern for c in "*?["):
            # one that the program may open itself (dlopen)
            if not pattern:
                return
            path = pattern if "/" in pattern and os.path.exists(pattern) else self._libraries.find_library(pattern)
            if path:
                path = os.path.realpath(path)
                yield ProgramFile(path, limit, (*executable.listed, PointPart(part.name, path, part.span)))

    def linked(self, executable: ProgramFile) -> list[tuple[str, str]]:
        """Return name and path of the libraries that a program is linked with, or has mapped where it runs."""
        pid = executable.limit.pid if executable.limit.pid > 0 else 0
        if executable.limit.pid == TARGET and self._target.pid:
            pid = self._target.pid
        linked = list(self._libraries.linked_libraries(executable.path))
        return [*linked, *(self._libraries.mapped_libraries(pid) if pid else ())]

    def _no_library(self, executables: Sequence[ProgramFile], part: PointPart) -> NoReturn:
        known = [name for executable in executables for name, _ in self.linked(executable)]
        shown = near_names(str(part.argument), known) or known[:5]
        hint = (
            f" (linked libraries: {', '.join(shown)}; one that is opened later is named by its path)" if shown else ""
        )
        _fail(f"no library '{part.argument}'{hint}", part)


def program_of(pid: int) -> str:
    """Return the file that a process executes, "" when it has gone or may not be looked at."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")
        if os.path.samestat(os.stat(path), os.stat(f"/proc/{pid}/exe")):
            return path
    except OSError:
        pass
    own_root = f"/proc/{pid}/exe"  # in a mount namespace of its own: found through the process
    return own_root if os.path.exists(own_root) else ""


def _names_library(pattern: str, name: str, path: str) -> bool:
    """Tell whether a library is meant: by its name, by its name without version, by its path."""
    stem = name.partition(".so")[0]
    return (
        any(fnmatchcase(text, pattern) for text in (name, path, os.path.basename(path), stem))
        or stem == f"lib{pattern}"
        or ("/" in pattern and os.path.realpath(pattern) == path)
    )


def _words(command: str) -> list[str]:
    import shlex

    try:
        return shlex.split(command)
    except ValueError:
        return []


def _programs_like(pattern: str) -> dict[str, int]:
    """Return the ELF files that match a pattern, links followed, with their classes."""
    from glob import glob

    found = dict.fromkeys(os.path.realpath(path) for path in sorted(glob(pattern)) if os.path.isfile(path))
    return {path: elf_class for path in found if (elf_class := _elf_class(path))}


def _elf_class(path: str) -> int:
    """Return the class of an ELF file (elf(5): 1 for 32 bits, 2 for 64), 0 for any other file."""
    try:
        with open(path, "rb") as file:
            start = file.read(5)
    except OSError:
        return 0
    return start[4] if len(start) == 5 and start.startswith(b"\x7fELF") else 0


def _fail(message: str, part: PointPart) -> NoReturn:
    semantic_error(message, part.span, f"identifier '{part.name}'")
