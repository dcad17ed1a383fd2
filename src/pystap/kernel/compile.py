"""LLVM: IR text in, an eBPF object or assembly text out.

LLVM's BPF back end ends the process on what it cannot do, so it runs in a forked child, which hands back its result or
dies; llvmlite is imported in the child alone. The settings are measured: without this data layout 64-bit loads split in
two, and code for a later `cpu` than v3 is refused by kernels before 6.6 (signed division, sign-extending moves).
"""

from __future__ import annotations

import os
from typing import Literal

DATA_LAYOUT = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
TRIPLE = "bpfel"
CPU = "v3"


class CompilerError(Exception):
    """LLVM refused the IR or died of it: an error of this compiler, not of the script."""


def compile_object(ir: str) -> bytes:
    """Return the ELF object for a module. Raises `CompilerError` with LLVM's words."""
    return _in_child(ir, "object")


def compile_assembly(ir: str) -> str:
    """Return the eBPF assembly of a module as text. Raises `CompilerError`."""
    return _in_child(ir, "assembly").decode()


def _in_child(ir: str, form: Literal["object", "assembly"]) -> bytes:
    output, messages = os.memfd_create("output"), os.memfd_create("messages")
    try:
        child = os.fork()
        if child == 0:
            _run_child(ir, form, output, messages)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:
            words = _content(messages).decode(errors="replace").strip()
            raise CompilerError(words or f"the compiler ended with status {status}")
        return _content(output)
    finally:
        os.close(output)
        os.close(messages)


def _run_child(ir: str, form: Literal["object", "assembly"], output: int, messages: int) -> None:
    """Compile and end the process; nothing of the parent's state is cleaned up here."""
    status = 1
    try:
        os.dup2(messages, 2)
        result = _translate(ir, form)
        view = memoryview(result)
        while view:
            view = view[os.write(output, view) :]
        status = 0
    except BaseException as error:
        os.write(messages, str(error).encode(errors="replace"))
    finally:
        os._exit(status)


def _translate(ir: str, form: Literal["object", "assembly"]) -> bytes:
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_assembly(f'target datalayout = "{DATA_LAYOUT}"\ntarget triple = "{TRIPLE}"\n{ir}')
    module.verify()
    machine = llvm.Target.from_triple(TRIPLE).create_target_machine(cpu=CPU, opt=2)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    if form == "assembly":
        text: str = machine.emit_assembly(module)
        return text.encode()
    data: bytes = machine.emit_object(module)
    return data


def _content(fd: int) -> bytes:
    os.lseek(fd, 0, os.SEEK_SET)
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)
