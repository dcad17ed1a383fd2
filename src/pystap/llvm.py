"""LLVM: IR text in, an eBPF object or assembly text out.

LLVM's BPF back end ends the process on what it cannot do, so it runs in a forked child, which hands back its result or
dies; LLVM is loaded in the child alone. The child may be started long before there is anything to compile: LLVM then
loads (12 ms; 50 through llvmlite's own modules) while the script is parsed. This module itself imports nothing heavy.
The settings are measured: without this data layout 64-bit loads split in two, and code for a later `cpu` than v3 is
refused by kernels before 6.6 (signed division, sign-extending moves).
"""

from __future__ import annotations

import os
import struct
import sys

from .lean import Callable, Literal, suppress

DATA_LAYOUT = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
TRIPLE = "bpfel"
CPU = "v3"

_SIGKILL = 9  # without the module `signal`, which takes as long to import as all else here

Form = Literal["object", "assembly"]
_FORMS: tuple[Form, Form] = ("object", "assembly")
Translator = Callable[[str, str, str, bool], bytes]
_REQUEST = struct.Struct("=BQ")


class CompilerError(Exception):
    """LLVM refused the IR or died of it: an error of this compiler, not of the script."""


class Compiler:
    """A child process with LLVM that compiles one module and ends. Close it when it was not used.

    `meanwhile` is called while the child compiles: for what has to be done afterwards in any case. The child has time
    before there is anything to compile: it runs an `errand` first, whose result `errand_result` gives.
    """

    def __init__(self, errand: Callable[[], bytes] | None = None) -> None:
        self.meanwhile: Callable[[], None] = lambda: None
        self._output, self._messages = os.memfd_create("output"), os.memfd_create("messages")
        requests, self._requests = os.pipe()
        self._found, self._done, done = -1, -1, -1
        if errand is not None:
            self._found = os.memfd_create("found")
            self._done, done = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._requests)
            if errand is not None:
                os.close(self._done)
                _run(errand, self._found, done)
            _serve(requests, self._output, self._messages)
        os.close(requests)
        if errand is not None:
            os.close(done)

    def errand_result(self) -> bytes:
        """Wait for the errand and return its result; b"" when it failed. To be called once."""
        if self._done < 0:
            return b""
        found = _content(self._found) if os.read(self._done, 1) else b""
        self._close_errand()
        return found

    def _close_errand(self) -> None:
        if self._done >= 0:
            os.close(self._done)
            os.close(self._found)
            self._done = -1

    def to_object(self, ir: str) -> bytes:
        """Return the ELF object for a module. Raises `CompilerError` with LLVM's words. To be called once."""
        return self._compile(ir, "object")

    def to_assembly(self, ir: str) -> str:
        """Return the eBPF assembly of a module as text. Raises `CompilerError`. To be called once."""
        return self._compile(ir, "assembly").decode()

    def _compile(self, ir: str, form: Form) -> bytes:
        try:
            data = ir.encode()
            with suppress(BrokenPipeError):
                _write(self._requests, _REQUEST.pack(_FORMS.index(form), len(data)) + data)
            self.meanwhile()
            status = self._wait()
            if status != 0:
                words = _content(self._messages).decode(errors="replace").strip()
                raise CompilerError(words or f"the compiler ended with status {status}")
            return _content(self._output)
        finally:
            self.close()

    def _wait(self) -> int:
        status = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        self._child = 0
        return status

    def close(self) -> None:
        """End the child. May be called again."""
        self._close_errand()
        if self._requests >= 0:
            for fd in (self._requests, self._output, self._messages):
                os.close(fd)
            self._requests = -1
        if self._child:
            os.kill(self._child, _SIGKILL)  # it may be in the middle of the import
            self._wait()

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def compile_object(ir: str) -> bytes:
    """Return the ELF object for a module. Raises `CompilerError`."""
    return Compiler().to_object(ir)


def compile_assembly(ir: str) -> str:
    """Return the eBPF assembly of a module as text. Raises `CompilerError`."""
    return Compiler().to_assembly(ir)


def _run(errand: Callable[[], bytes], found: int, done: int) -> None:
    """Run an errand in the child, write its result and say that it is there."""
    with suppress(Exception):
        _write(found, errand())
        os.write(done, b"1")
    os.close(found)
    os.close(done)


def _serve(requests: int, output: int, messages: int) -> None:
    """Be the child: import LLVM, wait for a module, compile it, end; nothing of the parent's state is cleaned up."""
    status = 1
    try:
        os.dup2(messages, 2)
        translate = _translator()
        header = _read(requests, _REQUEST.size)
        if len(header) == _REQUEST.size:
            form, size = _REQUEST.unpack(header)
            ir = _read(requests, size).decode()
            layout = f'target datalayout = "{DATA_LAYOUT}"\ntarget triple = "{TRIPLE}"\n'
            _write(output, translate(layout + ir, TRIPLE, CPU, _FORMS[form] == "object"))
            status = 0
    except BaseException as error:
        os.write(messages, str(error).encode(errors="replace"))
    finally:
        os._exit(status)


def _translator() -> Translator:
    """Load LLVM: its library alone where llvmlite is of a known version and not imported yet, else by its interface."""
    if "llvmlite.binding" not in sys.modules:
        from .llvm_library import Library, find_library

        path = find_library()
        if path:
            with suppress(OSError, AttributeError):
                return Library(path).translate
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return translate_publicly


def translate_publicly(ir: str, triple: str, cpu: str, is_object: bool) -> bytes:
    """Return an object file, or assembly text, for a module. Raises RuntimeError with LLVM's words."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(ir)
    module.verify()
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=2)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    if is_object:
        data: bytes = machine.emit_object(module)
        return data
    text: str = machine.emit_assembly(module)
    return text.encode()


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read(fd: int, size: int) -> bytes:
    """Read `size` bytes, less only at the end of what there is."""
    parts = []
    while size > 0 and (part := os.read(fd, min(size, 1 << 20))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _content(fd: int) -> bytes:
    os.lseek(fd, 0, os.SEEK_SET)
    return _read(fd, 1 << 40)
