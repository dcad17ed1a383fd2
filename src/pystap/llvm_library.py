"""LLVM through the C functions of llvmlite's library, without llvmlite's own Python modules.

Importing those takes 45 ms of processor time, of which loading the library is 8: a large part of a start from an empty
cache. The functions are not llvmlite's public interface, so this is done for versions that it was tried with alone
(`tests/kernel/test_compile.py`); `find_library` finds nothing for another one, and `llvm.py` takes the public way.
"""

from __future__ import annotations

import ctypes
import os
import sys

from .lean import Any

TRIED = ("0.45.", "0.50.")
"""How the versions begin whose functions are known."""

_VERSION = b"version_version = '"
_TEXT = ctypes.c_char_p
_WORDS = ctypes.POINTER(_TEXT)
_POINTER = ctypes.c_void_p
_NUMBER = ctypes.c_int

_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "InitializeAllTargetInfos": (None,),
    "InitializeAllTargets": (None,),
    "InitializeAllTargetMCs": (None,),
    "InitializeAllAsmPrinters": (None,),
    "GetGlobalContext": (_POINTER,),
    "ParseAssembly": (_POINTER, _POINTER, _TEXT, _WORDS),
    "VerifyModule": (ctypes.c_bool, _POINTER, _WORDS),
    "GetTargetFromTriple": (_POINTER, _TEXT, _WORDS),
    # target, triple, CPU, features, level, relocation and code model, print, JIT, ABI
    "CreateTargetMachine": (
        _POINTER, _POINTER, _TEXT, _TEXT, _TEXT, _NUMBER, _TEXT, _TEXT, _NUMBER, _NUMBER, _TEXT,
    ),
    "CreatePipelineTuningOptions": (_POINTER,),
    "CreatePassBuilder": (_POINTER, _POINTER, _POINTER),
    "buildPerModuleDefaultPipeline": (_POINTER, _POINTER, _NUMBER, _NUMBER),
    "RunNewModulePassManager": (None, _POINTER, _POINTER, _POINTER),
    "TargetMachineEmitToMemory": (_POINTER, _POINTER, _POINTER, _NUMBER, _WORDS),
    "GetBufferStart": (_POINTER, _POINTER),
    "GetBufferSize": (ctypes.c_size_t, _POINTER),
}  # fmt: skip
"""The functions: what they give, then what they take. 0.50 lacks the pipeline's size level of 0.45: to pass it all
the same does no harm in the C calling convention."""


def find_library(folders: list[str] | None = None) -> str:
    """Return the path of the library of an llvmlite that an import would find, "" when it is none that was tried."""
    for folder in sys.path if folders is None else folders:
        place = os.path.join(folder, "llvmlite")
        try:
            with open(os.path.join(place, "_version.py"), "rb") as file:
                version = file.read().partition(_VERSION)[2].partition(b"'")[0].decode(errors="replace")
        except OSError:
            if os.path.exists(place):
                return ""
            continue
        path = os.path.join(place, "binding", "libllvmlite.so")
        return path if version.startswith(TRIED) and os.path.exists(path) else ""
    return ""


class Library:
    """The loaded library, ready to compile. Raises OSError or AttributeError where it is not what was expected."""

    def __init__(self, path: str) -> None:
        library = ctypes.CDLL(path)
        self._functions: dict[str, Any] = {}
        for name, (result, *parameters) in _FUNCTIONS.items():
            function = self._functions[name] = library[f"LLVMPY_{name}"]
            function.restype, function.argtypes = result, parameters
            if name.startswith("Initialize"):
                function()

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._functions[name](*arguments)

    def _checked(self, name: str, *arguments: Any) -> Any:
        """Return a pointer. Raises RuntimeError with what LLVM said instead."""
        words = _TEXT()
        result = self._call(name, *arguments, words)
        if words.value or not result:
            raise RuntimeError(f"{name}: {(words.value or b'no reason given').decode(errors='replace')}")
        return result

    def translate(self, ir: str, triple: str, cpu: str, is_object: bool) -> bytes:
        """Return an object file, or assembly text, for a module. Raises RuntimeError with LLVM's words.

        What is made on the way is never freed: the process that compiles ends afterwards.
        """
        module = self._checked("ParseAssembly", self._call("GetGlobalContext"), ir.encode())
        words = _TEXT()
        if self._call("VerifyModule", module, words):
            raise RuntimeError((words.value or b"").decode(errors="replace"))
        target = self._checked("GetTargetFromTriple", triple.encode())
        names = (triple.encode(), cpu.encode(), b"")
        machine = self._call("CreateTargetMachine", target, *names, 2, b"default", b"jitdefault", 0, 0, b"")
        builder = self._call("CreatePassBuilder", machine, self._call("CreatePipelineTuningOptions"))
        self._call(
            "RunNewModulePassManager", self._call("buildPerModuleDefaultPipeline", builder, 2, 0), module, builder
        )
        buffer = self._checked("TargetMachineEmitToMemory", machine, module, int(is_object))
        return ctypes.string_at(self._call("GetBufferStart", buffer), self._call("GetBufferSize", buffer))
