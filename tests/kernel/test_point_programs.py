"""Which programs are made for probes on functions and tracepoints; LLVM compiles them, no kernel runs them here."""

from __future__ import annotations

from pystap.abi.image import ProgramKind, RelocationKind
from pystap.abi.map_layout import lay_out
from pystap.diagnostics import Diagnostics
from pystap.elaborate import Inputs, elaborate
from pystap.kernel import KernelCode, KernelFacts, generate
from pystap.program.attach import KernelFunctions
from pystap.program.limits import Limits
from pystap.registries import Builtins, Library, kernel_types, probe_kinds
from pystap.source import SourceFile
from pystap.syntax import PreprocessorFacts, parse_script


def compiled(text: str, **facts: bool) -> KernelCode:
    diagnostics = Diagnostics()
    machine = PreprocessorFacts(kernel_release="6.1.0", config=lambda _: None)
    script = parse_script(SourceFile("test.stp", text), machine, diagnostics=diagnostics)
    library = Library(machine, diagnostics)
    inputs = Inputs(script, library, probe_kinds(listing=True), Builtins(), kernel_types, Limits(), diagnostics)
    program = elaborate(inputs)
    return generate(program, lay_out(program), KernelFacts(possible_cpus=2, **facts))


def kinds(code: KernelCode) -> list[ProgramKind]:
    return [spec.kind for spec in code.programs]


def test_few_functions_by_fentry() -> None:
    code = compiled(
        """probe kernel.function("vfs_read") { println($count) }
        probe kernel.function("vfs_read").return { println($count, $return) }""",
        fentry=True, kprobe_multi=True,
    )  # fmt: skip
    assert kinds(code) == [ProgramKind.FENTRY, ProgramKind.FEXIT]
    assert all(spec.attach_btf_id for spec in code.programs)


def test_many_functions_by_one_program() -> None:
    code = compiled('probe kernel.function("vfs_*") { println(ppfunc()) }', fentry=True, kprobe_multi=True)
    assert kinds(code) == [ProgramKind.KPROBE_MULTI]
    attach = code.attachments[0].attach
    assert isinstance(attach, KernelFunctions)
    assert len(attach.points) > 40
    assert attach.cookies == tuple(range(len(attach.points)))


def test_variables_of_many_functions_by_a_switch() -> None:
    text = 'probe kernel.function("vfs_*") { if (@defined($count)) println(ppfunc(), $count) }'
    code = compiled(text, fentry=True, kprobe_multi=True)
    assert kinds(code) == [ProgramKind.KPROBE_MULTI]
    assert len(code.attachments[0].handlers) > 40
    attach = code.attachments[0].attach
    assert isinstance(attach, KernelFunctions)
    assert {cookie & 0xFFFF_FFFF for cookie in attach.cookies} == {0}


def test_single_kprobes_tell_places_apart() -> None:
    text = 'probe kernel.function("vfs_*") { println(pp()) }'
    with_cookies, without = compiled(text, attach_cookies=True), compiled(text)
    assert kinds(with_cookies) == kinds(without) == [ProgramKind.KPROBE]
    assert not any(item.kind is RelocationKind.CONSTANT for item in with_cookies.programs[0].relocations)
    assert any(item.kind is RelocationKind.CONSTANT for item in without.programs[0].relocations)


def test_arguments_behind_the_registers() -> None:
    text = 'probe kernel.function("vfs_read") { println(long_arg(7), long_arg(1)) }'
    assert kinds(compiled(text)) == [ProgramKind.KPROBE]


def test_system_call_by_its_old_name() -> None:
    text = 'probe kernel.function("sys_openat") { println($flags, user_string($filename)) }'
    attach = compiled(text).attachments[0].attach
    assert isinstance(attach, KernelFunctions)
    assert [point.name for point in attach.points] == ["__x64_sys_openat"]


def test_tracepoints_share_a_program() -> None:
    code = compiled('global n probe kernel.trace("sched_process_*") { n[$$name]++ }')
    assert kinds(code) == [ProgramKind.RAW_TRACEPOINT]
    assert any(item.kind is RelocationKind.CONSTANT for item in code.programs[0].relocations)


def test_no_calls_where_the_verifier_misunderstands_them() -> None:
    text = """global seen, times
    probe kernel.function("vfs_read") { seen[execname() . sprintf("%d", pid())] <<< $count }
    probe kernel.function("vfs_write") { if (execname() > "m" && execname() =~ "a.*b") times++ }"""
    assert _calls(compiled(text, fentry=True)) > 0
    assert _calls(compiled(text, fentry=True, function_calls=False, bpf_loop=False)) == 0


def _calls(code: KernelCode) -> int:
    """Count the calls of functions: BPF_JMP | BPF_CALL with BPF_PSEUDO_CALL as source register (linux/bpf.h)."""
    instructions = [spec.code[at : at + 2] for spec in code.programs for at in range(0, len(spec.code), 8)]
    return sum(opcode == 0x85 and registers >> 4 == 1 for opcode, registers in instructions)
