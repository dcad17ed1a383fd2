"""The byte code of all modules that a start needs, in one file, beside what Python keeps of each.

Python searches, opens and checks a file for each module, in 0.13 ms; here it is one look at the source's time and size.
A start imports 70 modules of this package and 20 of the standard library, one from an empty cache 200 and 45. The file
lies in the package's folder for byte code and is written by the same rules: when modules were imported that it lacks,
and Python may write byte code.
"""

from __future__ import annotations

import _frozen_importlib_external as importing  # `importlib` itself would be the slower way to it
import marshal
import mmap
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.machinery import ModuleSpec, SourceFileLoader
    from types import CodeType
    from typing import TypeVar

    T = TypeVar("T")
else:
    ModuleSpec, SourceFileLoader, Mapping = type(__spec__), importing.SourceFileLoader, dict

_PACKAGE = __package__ or ""
_FORMAT = b"pystap byte code 1\n" + importing.MAGIC_NUMBER

Entry = tuple[bool, int, int, int, int]
"""Of a module: whether it is a package, time (ns) and size of its source, where its code begins, and its length."""


class _Loader(SourceFileLoader):
    """Loads a module from code at hand; all else (its source, its data) is as for any other module."""

    def __init__(self, name: str, path: str, code: memoryview) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType | None:
        return marshal.loads(self._code)  # type: ignore[no-any-return]


class KeptModules:
    """The modules in the file; as a member of `sys.meta_path` it finds those whose source is as it was."""

    def __init__(self, folder: str, library: str) -> None:
        """`library` is the folder of the standard library, "" to leave that alone."""
        self._folder = folder
        self._library = library
        self._library_kept = ""
        self._path = f"{folder}/__pycache__/together.{sys.implementation.cache_tag}"
        self._entries: Mapping[str, Entry] = {}
        self._codes = memoryview(b"")

    def read(self) -> None:
        """Map the file; one that is missing, cut off, or of another Python or folder, has no modules."""
        try:
            with open(self._path, "rb", buffering=0) as file:
                # Memory of our own for all of it would cost more page faults than its pages.
                data = memoryview(mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ))
        except (OSError, ValueError):
            return
        begin, start = len(_FORMAT), len(_FORMAT) + 8
        end = start + int.from_bytes(data[begin:start], "little")
        try:
            folder, library, length, entries = marshal.loads(data[start:end] if data[:begin] == _FORMAT else b"")
        except (EOFError, TypeError, ValueError):
            return
        if folder == self._folder and end + length == len(data):
            self._entries, self._codes, self._library_kept = entries, data[end:], library

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return where a module is loaded from, None when it is not kept as it is now."""
        entry = self._entries.get(name)
        if entry is None or not (name.startswith(_PACKAGE) or self._library == self._library_kept != ""):
            return None
        file = self._source(name, entry[0])
        if file_stamp(file) != entry[1:3]:
            return None
        loader = _Loader(name, file, self._codes[entry[3] : entry[3] + entry[4]])
        spec = ModuleSpec(name, loader, origin=file, is_package=entry[0])
        spec.has_location = True
        folder, _, base = file.rpartition("/")
        spec.cached = f"{folder}/__pycache__/{base[:-3]}.{sys.implementation.cache_tag}.pyc"
        if entry[0]:
            spec.submodule_search_locations = [folder]
        return spec

    def _source(self, name: str, is_package: bool) -> str:
        """Return the file that a module is made from."""
        if name.startswith(_PACKAGE):
            path = self._folder + name[len(_PACKAGE) :].replace(".", "/")
        else:
            path = f"{self._library}/{name.replace('.', '/')}"
        return f"{path}/__init__.py" if is_package else f"{path}.py"

    def _is_kept(self, name: str, spec: ModuleSpec) -> bool:
        """Tell whether a module is one of those that the file is for, from where it is expected to be."""
        if type(spec.loader) is not SourceFileLoader or not (self._library or name.startswith(f"{_PACKAGE}.")):
            return False
        return spec.origin == self._source(name, spec.submodule_search_locations is not None)

    def keep(self) -> None:
        """Write the file anew if modules were imported in another way. What cannot be written is left."""
        if sys.dont_write_bytecode:
            return
        found = {
            name: module.__spec__
            for name, module in list(sys.modules.items())
            if (spec := getattr(module, "__spec__", None)) is not None
            and self._is_kept(name, spec)
            and self.find_spec(name) is None  # this module itself is there, though it cannot have come from there
        }
        if not found:
            return
        entries: dict[str, Entry] = {}
        codes: list[bytes] = []
        length = 0
        for name in (*self._entries, *found):
            made = self._made(name, found.get(name))
            if made is not None and name not in entries:
                is_package, stamp, code = made
                entries[name] = (is_package, *stamp, length, len(code))
                codes.append(code)
                length += len(code)
        index = marshal.dumps((self._folder, self._library or self._library_kept, length, entries))
        _keep(self._path, b"".join([_FORMAT, len(index).to_bytes(8, "little"), index, *codes]))

    def _made(self, name: str, spec: ModuleSpec | None) -> tuple[bool, tuple[int, int], bytes] | None:
        """Return what is to be kept of a module: what was, where its source did not change, else what Python made."""
        if spec is None:
            entry = self._entries[name]
            code = bytes(self._codes[entry[3] : entry[3] + entry[4]])
            if not self._library and not name.startswith(_PACKAGE):
                return entry[0], entry[1:3], code  # left for starts that can use it, which look at the source
            stamp = file_stamp(self._source(name, entry[0]))
            return (entry[0], stamp, code) if stamp == entry[1:3] else None
        is_package = spec.submodule_search_locations is not None
        stamp = file_stamp(self._source(name, is_package))
        if stamp is None:
            return None
        try:
            return (is_package, stamp, marshal.dumps(spec.loader.get_code(name)))  # type: ignore[union-attr]
        except (ImportError, OSError, SyntaxError):
            return None


def derived(path: str, stamp: object, make: Callable[[], T]) -> T:
    """Return what `make` gives, kept in a file by the rules of byte code as long as a stamp stays the same.

    Both are made of what `marshal` knows: numbers, texts, tuples and dictionaries of them.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            kept, value = marshal.loads(file.read())
        if kept == stamp:
            return value  # type: ignore[no-any-return]
    except (OSError, EOFError, TypeError, ValueError):
        pass
    made = make()
    if not sys.dont_write_bytecode:
        _keep(path, marshal.dumps((stamp, made)))  # type: ignore[arg-type]
    return made


def _keep(path: str, data: bytes) -> None:
    """Write a file. What cannot be written is left."""
    try:
        write_whole(path, data)
    except OSError:
        return


def write_whole(path: str, data: bytes) -> None:
    """Write a file that appears whole, and its folder. Raises OSError; what was begun is removed then."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        try:  # noqa: SIM105 - `contextlib` is a module more at every start
            os.unlink(temporary)
        except OSError:
            pass
        raise


def file_stamp(path: str) -> tuple[int, int] | None:
    """Return the time (ns) and the size of a file, None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def kept_modules() -> KeptModules:
    """Return the file's modules, in use for all imports from now on, unless Python was asked for another byte code."""
    modules = KeptModules(os.path.dirname(__file__), _library())
    own = type(getattr(__spec__, "loader", None))
    if own is SourceFileLoader and not sys.flags.optimize and sys.implementation.cache_tag:
        modules.read()
        sys.meta_path.insert(0, modules)
    return modules


def _library() -> str:
    """Return the folder of the standard library, "" where a module of some other folder could take its place."""
    folder, own = os.path.dirname(os.__file__), os.path.dirname(sys.executable)
    earlier = sys.path[: sys.path.index(folder)] if folder in sys.path else [""]
    return folder if all(path == own or path.endswith(".zip") for path in earlier) else ""
