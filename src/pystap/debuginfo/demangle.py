"""C++ names as people write them: `_ZN5Queue4pushEi` is `Queue::push(int)`, and `Queue::push` for a pattern.

The demangler is that of the C++ run-time library, through ctypes (`__cxa_demangle`, Itanium C++ ABI 3.4.1); where the
library is missing, names stay as they are.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable
from functools import cache

_LIBRARY = "libstdc++.so.6"
_ABBREVIATED = frozenset(
    (
        "std", "allocator", "basic_string", "string", "istream", "ostream", "iostream", "operator", "anonymous",
        "namespace", "int", "long", "char", "short", "unsigned", "signed", "bool", "float", "double", "void", "const",
        "wchar_t", "new", "delete", "volatile", "restrict", "noexcept", "auto", "decltype", "nullptr_t",
        "basic_istream", "basic_ostream", "basic_iostream", "char_traits", "lambda", "unnamed", "type", "clone",
        "vtable", "thunk", "virtual", "initializer", "guard", "variable", "for", "temporary", "reference", "parameter",
        "requires", "typeinfo", "name", "non-virtual", "covariant", "alignof", "sizeof", "half", "complex", "imaginary",
        "__int128", "__float128", "decimal32", "decimal64", "decimal128", "char8_t", "char16_t", "char32_t",
        "construction", "transaction", "tls", "wrapper", "function", "init", "default", "arg", "this", "throw",
    )
)  # fmt: skip
"""Words of names that mangled names have as letters."""
_ANONYMOUS = "(anonymous namespace)"


@cache
def _demangler() -> Callable[[str], str] | None:
    try:
        library = ctypes.CDLL(_LIBRARY)
        free = ctypes.CDLL(None).free
    except OSError:
        return None
    function = library.__cxa_demangle
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    free.argtypes = [ctypes.c_void_p]
    status = ctypes.c_int()

    def demangled(name: str) -> str:
        found = function(name.encode(errors="surrogateescape"), None, None, ctypes.byref(status))
        if not found:
            return name
        text = ctypes.string_at(found).decode(errors="replace")
        free(found)
        return text

    return demangled


def demangle(name: str) -> str:
    """Return what a symbol's name stands for, with parameters; other names as they are."""
    function = _demangler() if name.startswith("_Z") else None
    found = function(name) if function is not None else name
    return _of_rust(found) if _RUST.search(found) else found


_RUST = re.compile(r"::h[0-9a-f]{16}$")
_RUST_LETTERS = {
    "$LT$": "<", "$GT$": ">", "$RF$": "&", "$BP$": "*", "$C$": ",", "$LP$": "(", "$RP$": ")", "$SP$": "@", "$u20$": " ",
    "$u7b$": "{", "$u7d$": "}", "$u5b$": "[", "$u5d$": "]", "$u27$": "'", "$u3b$": ";", "$u2b$": "+", "$u22$": '"',
}  # fmt: skip


def _of_rust(name: str) -> str:
    """Return a name as rustc means it, which mangles like C++ with a hash behind (its "legacy" mangling)."""
    text = _RUST.sub("", name)
    for letters, meant in _RUST_LETTERS.items():
        text = text.replace(letters, meant)
    return re.sub(r"(^|::|<|&)_(?=[<{])", r"\1", text).replace("..", "::")


def qualified(demangled: str) -> str:
    """Return the name alone of a demangled function: without parameters, qualifiers behind them, and a result type."""
    end = _parameters_start(demangled)
    text = demangled[:end]
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] in ">)") - (text[at] in "<(")
        if text[at] == " " and depth == 0 and "operator" not in text[:at].rpartition("::")[2]:
            return text[at + 1 :]
    return text


def _parameters_start(text: str) -> int:
    depth, at = 0, 0
    while at < len(text):
        if text.startswith(_ANONYMOUS, at):
            at += len(_ANONYMOUS)
            continue
        if text.startswith("operator", at):
            at += len("operator")
            while at < len(text) and text[at] in "<>=!-+*/%&|^~[],":
                at += 1
            at += 2 * text.startswith("()", at)
            continue
        if text[at] == "(" and depth == 0:
            return at
        depth += (text[at] == "<") - (text[at] == ">")
        at += 1
    return len(text)


def without_templates(name: str) -> str:
    """Return a qualified name without the arguments of its templates."""
    if "operator" in name or "<" not in name:
        return name
    out, depth = [], 0
    for character in name:
        depth += character == "<"
        if not depth:
            out.append(character)
        depth -= character == ">"
    return "".join(out)


def telling_word(pattern: str) -> str:
    """Return a word of a pattern for C++ names that every mangled name of a match must contain; "" for none.

    Identifiers stand in mangled names as they are, but for operators and some of the standard library.
    """
    words = re.findall(r"[A-Za-z_]\w*", re.sub(r"\[.*", "", pattern))
    known = " ".join(_ABBREVIATED)  # what stands beside a wildcard may be a part of one of these
    return max((word for word in words if word not in known and len(word) > 2), key=len, default="")


def known_as(name: str) -> Iterable[str]:
    """Yield the ways to write a mangled name, from the whole path of namespaces and classes to its last part."""
    full = qualified(demangle(name))
    for text in dict.fromkeys((full, without_templates(full))):
        while text:
            yield text
            text = text.partition("::")[2]
