"""What tapset files in the language itself declare, found without parsing them.

A file is parsed only when a script uses a name of it. The index looks for lines that start a declaration; a line of a
comment that looks like one costs no more than parsing a file in vain.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..byte_code import derived, file_stamp
from ..records import dataclass

FOLDER = os.path.join(os.path.dirname(__file__), "library")
"""Where pystap's own library lies."""

_DECLARATION = r"^[ \t};]*(?:private[ \t]+)?(function|probe)\s+([A-Za-z_]\w*)"

_GLOBALS = r"^global\s+((?:[^\n]*,[^\n]*\n)*?[^\n]*)$"
_COMMENT = r"//[^\n]*|#[^\n]*|/\*.*?\*/"
_GLOBAL_NAME = r"(?:^|,)\s*([A-Za-z_]\w*)"

Declaration = tuple[str, str, str]
"""Keyword, name (the first component of an alias) and file."""

_MACRO = r"^@define (\w+)"


@dataclass(frozen=True, slots=True)
class LibraryIndex:
    """Where names are declared: the file of each function and global, of each alias by its first component.

    Overloads of a function stand in one file; a file of an earlier folder hides those of later ones.
    """

    functions: Mapping[str, str]
    aliases: Mapping[str, Sequence[str]]
    globals: Mapping[str, str]


def library_files(suffix: str = ".stp") -> Iterator[str]:
    """Yield pystap's own files that end in `suffix` (".stp" or ".stpm"), in the order of their names."""
    found = [
        os.path.join(folder, name) for folder, _, names in os.walk(FOLDER) for name in names if name.endswith(suffix)
    ]
    yield from sorted(found)


def folder_files(folder: str, suffix: str = ".stp") -> Iterator[str]:
    """Yield the files of one folder, not of those in it, in the order of their names; none when it cannot be read."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    yield from (os.path.join(folder, name) for name in names if name.endswith(suffix))


def read_index(folders: Sequence[str] = ()) -> LibraryIndex:
    """Read what the files of `folders` (those of -I) and pystap's own library declare.

    A file that cannot be read declares nothing.
    """
    functions: dict[str, str] = {}
    aliases: dict[str, dict[str, None]] = {}
    shared: dict[str, str] = {}
    files = [path for folder in folders for path in folder_files(folder)]
    for keyword, name, path in (*_declarations(files), *_own_declarations()):
        if keyword == "function":
            functions.setdefault(name, path)
        elif keyword == "global":
            shared.setdefault(name, path)
        else:
            aliases.setdefault(name, {})[path] = None
    return LibraryIndex(functions, {root: tuple(paths) for root, paths in aliases.items()}, shared)


def macro_files() -> Mapping[str, str]:
    """Return the file of each macro of pystap's own library."""
    found: dict[str, str] = {}
    for path in library_files(".stpm"):
        with open(path, encoding="utf-8") as file:
            found.update((match[1], path) for match in re.finditer(_MACRO, file.read(), re.MULTILINE))
    return found


def _own_declarations() -> Sequence[Declaration]:
    """Return what pystap's own files declare; searching them takes longer than to keep what was found."""
    paths = list(library_files())
    stamp = tuple((path, *(file_stamp(path) or ())) for path in paths)
    return derived(os.path.join(FOLDER, "__pycache__", "names"), stamp, lambda: tuple(_declarations(paths)))


def _declarations(paths: Iterable[str]) -> Iterator[Declaration]:
    """Yield what files declare; globals too, which have the keyword of theirs."""
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except OSError:
            continue
        for match in re.finditer(_DECLARATION, text, re.MULTILINE):
            yield match[1], match[2], path
        for match in re.finditer(_GLOBALS, text, re.MULTILINE):
            for name in re.findall(_GLOBAL_NAME, re.sub(_COMMENT, "", match[1], flags=re.DOTALL)):
                yield "global", name, path
