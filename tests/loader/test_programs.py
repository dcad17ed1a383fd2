"""Loading and attaching on the running kernel."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pystap.abi.image import MapKind, MapSpec, ProgramKind, ProgramSpec, Relocation, RelocationKind, TailCall
from pystap.debuginfo.btf import BtfKind
from pystap.kernel.elf_link import with_kind
from pystap.loader.errors import KernelRefused
from pystap.loader.image import load_image
from pystap.loader.links import (
    SW_CPU_CLOCK,
    TYPE_SOFTWARE,
    Link,
    PerfEventSpec,
    UprobeSpec,
    attach_perf_event,
    attach_perf_event_on_cpus,
    attach_raw_tracepoint,
    attach_typed_tracepoint,
    attach_uprobe,
    attach_uprobes,
    leave_to_holder,
)
from pystap.loader.maps import possible_cpus
from pystap.loader.programs import Program, RunStatistics, context_buffer, relocate
from pystap.loader.syscalls import Command, wait_by_map_of_maps, wait_for_running_programs
from pystap.program.features import Feature

from .support import (
    CELLS,
    body,
    count_own_getppid,
    helper,
    kernel_type,
    link_ir,
    object_ids,
    only_program,
    skip_without,
    u32,
    u64,
)

pytestmark = pytest.mark.guest(native=True)


def _raw(program: Program) -> Link:
    return attach_raw_tracepoint(program, "sys_enter")


@pytest.mark.parametrize(
    ("kind", "attach"),
    [(ProgramKind.RAW_TRACEPOINT, _raw), (ProgramKind.TYPED_TRACEPOINT, attach_typed_tracepoint)],
)
def test_counts_exactly(kind: ProgramKind, attach: Callable[[Program], Link]) -> None:
    type_id = kernel_type("btf_trace_sys_enter", BtfKind.TYPEDEF) if kind is ProgramKind.TYPED_TRACEPOINT else 0
    spec = only_program(link_ir(count_own_getppid(3)), kind, type_id)
    with load_image([CELLS], [spec]) as image:
        words = image.maps["cells"].mapping().words
        image.add_link(attach(image.programs["count"]))
        for _ in range(1000):
            os.getppid()
        image.detach()
        os.getppid()
        assert words[3] == 1000
        assert words[2] == words[4] == 0


def test_run_on_demand_with_arguments() -> None:
    ir = body("""
  %a = load i64, ptr %ctx
  %at = getelementptr i8, ptr %ctx, i64 8
  %b = load i64, ptr %at
  %sum = add i64 %a, %b
  store volatile i64 %sum, ptr @cells
  %low = trunc i64 %sum to i32
  ret i32 %low
dead:""")
    with load_image([CELLS], [only_program(link_ir(ir))]) as image:
        words = image.maps["cells"].mapping().words
        assert image.programs["p"].run(u64(40, 2)) == 42
        assert words[0] == 42
        context = context_buffer(2)
        struct.pack_into("<qq", context, 0, -1, -2)
        assert image.programs["p"].run(context, cpu=possible_cpus()[-1]) == 2**32 - 3
        assert words[0] == -3


def test_callback_with_bpf_loop() -> None:
    skip_without(Feature.BPF_LOOP)
    ir = body(
        f"  %r = call i64 {helper(181)}(i32 1000, ptr @add, ptr null, i64 0)",
        before="""
define internal i64 @add(i64 %i, ptr %c) "no-builtins" {
  %old = atomicrmw add ptr @cells, i64 %i monotonic
  ret i64 0
}""",
    )
    spec = only_program(link_ir(ir, argument_counts={"add": 2}))
    assert [(f.name, f.is_static, f.argument_count) for f in spec.functions] == [("p", False, 1), ("add", True, 2)]
    with load_image([CELLS], [spec]) as image:
        image.programs["p"].run(u64(0))
        assert image.maps["cells"].mapping().words[0] == sum(range(1000))


def test_callback_in_a_typed_tracepoint_program() -> None:
    skip_without(Feature.BPF_LOOP)
    ir = body(
        f"  %r = call i64 {helper(181)}(i32 10, ptr @add, ptr null, i64 0)",
        before='define internal i64 @add(i64 %i, ptr %c) "no-builtins" {\n  ret i64 0\n}',
    )
    type_id = kernel_type("btf_trace_sys_enter", BtfKind.TYPEDEF)
    spec = only_program(link_ir(ir, argument_counts={"add": 2}), ProgramKind.TYPED_TRACEPOINT, type_id)
    load_image([CELLS], [spec]).close()


def test_subprograms_are_taken_along_and_shared() -> None:
    ir = """
define internal i64 @inner(i64 %x) noinline "no-builtins" {
  %old = atomicrmw add ptr @cells, i64 %x monotonic
  %r = load volatile i64, ptr @cells
  ret i64 %r
}
define internal i64 @outer(i64 %x) noinline "no-builtins" {
  %y = mul i64 %x, 10
  %r = call i64 @inner(i64 %y)
  ret i64 %r
}
define internal i64 @unused(i64 %x) noinline "no-builtins" section "elsewhere" {
  ret i64 %x
}
define i32 @one(ptr %ctx) "no-builtins" section "probe_one" {
  %x = load i64, ptr %ctx
  %r = call i64 @outer(i64 %x)
  %t = trunc i64 %r to i32
  ret i32 %t
}
define i32 @two(ptr %ctx) "no-builtins" section "probe_two" {
  %x = load i64, ptr %ctx
  %r = call i64 @inner(i64 %x)
  %t = trunc i64 %r to i32
  ret i32 %t
}
"""
    linked = link_ir(ir)
    assert [f.name for f in linked.programs["one"].functions] == ["one", "outer", "inner"]
    assert [f.name for f in linked.programs["two"].functions] == ["two", "inner"]
    with load_image([CELLS], [linked.programs["one"], linked.programs["two"]]) as image:
        assert image.programs["one"].run(u64(5)) == 50
        assert image.programs["two"].run(u64(5)) == 55


def test_constant_data_and_value_offsets() -> None:
    ir = body(
        """
  %i = load i64, ptr %ctx
  %i8 = and i64 %i, 3
  %at = getelementptr [4 x i64], ptr @table, i64 0, i64 %i8
  %v = load i64, ptr %at
  %cell = getelementptr i8, ptr @cells, i64 1024
  store volatile i64 %v, ptr %cell""",
        before="@table = internal constant [4 x i64] [i64 11, i64 22, i64 33, i64 44]",
    )
    linked = link_ir(ir)
    assert [m.frozen for m in linked.maps] == [True]
    with load_image([CELLS, *linked.maps], linked.programs.values()) as image:
        image.programs["p"].run(u64(2))
        assert image.maps["cells"].mapping().words[128] == 33


def test_constants_are_given_at_load() -> None:
    ir = body("""
  %v = ptrtoint ptr @wanted to i64
  store volatile i64 %v, ptr @cells""")
    spec = only_program(link_ir(ir, constants=("wanted",)))
    assert {(r.symbol, r.kind) for r in spec.relocations} == {
        ("wanted", RelocationKind.CONSTANT),
        ("cells", RelocationKind.MAP_VALUE),
    }
    for number in (5, -7, 1 << 40):
        with load_image([CELLS], [spec], {"wanted": number}) as image:
            image.programs["p"].run(u64(0))
            assert image.maps["cells"].mapping().words[0] == number


def test_relocation_must_stand_on_a_load() -> None:
    spec = ProgramSpec("p", ProgramKind.RAW_TRACEPOINT, bytes.fromhex("b7000000000000009500000000000000"),
                       (Relocation(0, RelocationKind.CONSTANT, "x"),))  # fmt: skip
    with pytest.raises(ValueError, match="relocation of x at 0 is not on a load"):
        relocate(spec, {}, {"x": 1})


def test_hash_from_a_program() -> None:
    ir = body(f"""
  %key = alloca i64
  %value = alloca i64
  store i64 5, ptr %key
  store i64 6, ptr %value
  %r = call i64 {helper(2)}(ptr @table, ptr %key, ptr %value, i64 0)""")
    table = MapSpec("table", MapKind.HASH, 8, 8, 10)
    with load_image([table], [only_program(link_ir(ir, maps=("table",), values=()))]) as image:
        image.programs["p"].run(u64(0))
        assert image.maps["table"].items() == [(u64(5), u64(6))]


def test_tail_call() -> None:
    first = body(f"""
  %r = call i64 {helper(12)}(ptr %ctx, ptr @programs, i32 1)
  store volatile i64 1, ptr @cells""")
    second = 'define i32 @q(ptr %ctx) "no-builtins" section "probe_q" {\n  ret i32 9\n}'
    linked = link_ir(first + second, maps=("cells", "programs"))
    programs = MapSpec("programs", MapKind.PROG_ARRAY, 4, 4, 2)
    calls = [TailCall("programs", 1, "q")]
    with load_image([CELLS, programs], linked.programs.values(), tail_calls=calls) as image:
        assert image.programs["p"].run(u64(0)) == 9
        assert image.maps["cells"].mapping().words[0] == 0


def _counter(kind: ProgramKind) -> ProgramSpec:
    return only_program(link_ir(body("  %old = atomicrmw add ptr @cells, i64 1 monotonic")), kind)


def _spin_until(done: Callable[[], bool], seconds: float = 5) -> None:
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit, "nothing happened"


def test_perf_event_of_this_process() -> None:
    with load_image([CELLS], [_counter(ProgramKind.PERF_EVENT)]) as image:
        words = image.maps["cells"].mapping().words
        clock = PerfEventSpec(TYPE_SOFTWARE, SW_CPU_CLOCK, sample_freq=1000, pid=0)
        link = image.add_link(attach_perf_event(image.programs["p"], clock))
        _spin_until(lambda: words[0] > 20)
        link.disable()
        stopped = words[0]
        end = time.monotonic() + 0.02
        _spin_until(lambda: time.monotonic() > end)
        assert words[0] == stopped


def test_perf_event_with_cookie_on_every_cpu() -> None:
    skip_without(Feature.ATTACH_COOKIE)
    ir = body(f"""
  %v = call i64 {helper(174)}(ptr %ctx)
  store volatile i64 %v, ptr @cells""")
    with load_image([CELLS], [only_program(link_ir(ir), ProgramKind.PERF_EVENT)]) as image:
        words = image.maps["cells"].mapping().words
        clock = PerfEventSpec(TYPE_SOFTWARE, SW_CPU_CLOCK, sample_period=1_000_000)
        link = attach_perf_event_on_cpus(image.programs["p"], clock, possible_cpus(), cookie=1 << 40 | 5)
        assert len(link.fds) == 2 * len(possible_cpus())
        image.add_link(link)
        _spin_until(lambda: words[0] != 0)
        assert words[0] == 1 << 40 | 5


def _libc_function(name: str) -> tuple[str, int]:
    """The file of the C library and a function's offset in it."""
    from elftools.elf.elffile import ELFFile

    lines = Path("/proc/self/maps").read_text().splitlines()
    path = next(line.split()[-1] for line in lines if "/libc.so" in line)
    with open(path, "rb") as file:
        elf = ELFFile(file)
        symbols = elf.get_section_by_name(".dynsym")
        value = next(s["st_value"] for s in symbols.iter_symbols() if s.name == name)
        return path, next(
            value - s["p_vaddr"] + s["p_offset"]
            for s in elf.iter_segments()
            if s["p_type"] == "PT_LOAD" and s["p_vaddr"] <= value < s["p_vaddr"] + s["p_memsz"]
        )


@pytest.mark.parametrize("returns", [False, True])
def test_uprobe_in_this_process(returns: bool) -> None:
    path, offset = _libc_function("getppid")
    with load_image([CELLS], [_counter(ProgramKind.UPROBE)]) as image:
        words = image.maps["cells"].mapping().words
        spec = UprobeSpec(path, offset, returns, pid=os.getpid())
        image.add_link(attach_uprobe(image.programs["p"], spec))
        for _ in range(7):
            os.getppid()
        assert words[0] == 7


@pytest.mark.parametrize("returns", [False, True])
def test_many_uprobes_with_cookies(returns: bool) -> None:
    skip_without(Feature.UPROBE_MULTI)
    places = [_libc_function(name) for name in ("getppid", "getuid")]
    ir = body(f"""
  %v = call i64 {helper(174)}(ptr %ctx)
  %old = atomicrmw add ptr @cells, i64 %v monotonic""")
    with load_image([CELLS], [only_program(link_ir(ir), ProgramKind.UPROBE_MULTI)]) as image:
        words = image.maps["cells"].mapping().words
        offsets = [offset for _, offset in places]
        image.add_link(
            attach_uprobes(image.programs["p"], places[0][0], offsets, returns, cookies=[1, 1000], pid=os.getpid())
        )
        for _ in range(3):
            os.getppid()
        os.getuid()
        assert words[0] == 1003


def test_slow_detaching_is_left_to_a_holder() -> None:
    before = object_ids(Command.PROG_GET_NEXT_ID)
    image = load_image([CELLS], [_counter(ProgramKind.RAW_TRACEPOINT)])
    image.add_link(_raw(image.programs["p"]))
    image.close(in_background=True)
    limit = time.monotonic() + 5
    while object_ids(Command.PROG_GET_NEXT_ID) - before:
        assert time.monotonic() < limit, "the holder did not let go"
        time.sleep(0.01)
    leave_to_holder([])


def test_refusal_carries_the_verifier_log() -> None:
    ir = body("""
  %at = getelementptr i8, ptr %ctx, i64 8192
  %p = load ptr, ptr %at
  %v = load i64, ptr %p
  store volatile i64 %v, ptr @cells""")
    with pytest.raises(KernelRefused) as caught:
        load_image([CELLS], [only_program(link_ir(ir))])
    refused = caught.value
    assert refused.reason == "invalid bpf_context access off=8192 size=8"
    assert refused.instruction == 0
    assert refused.verifier_log.startswith("0: ")
    assert str(refused).startswith("the kernel refused to load the program p: ")


def test_unknown_tracepoint_is_named() -> None:
    spec = _counter(ProgramKind.RAW_TRACEPOINT)
    with load_image([CELLS], [spec]) as image, pytest.raises(KernelRefused, match="the tracepoint no_such_thing"):
        attach_raw_tracepoint(image.programs["p"], "no_such_thing")


def test_info_and_run_statistics() -> None:
    with load_image([CELLS], [only_program(link_ir(count_own_getppid()))]) as image, RunStatistics():
        program = image.programs["count"]
        image.add_link(_raw(program))
        for _ in range(100):
            os.getppid()
        info = program.info()
        assert info.run_count >= 100
        assert info.run_time > 0
        assert info.recursion_misses >= 0
        assert info.id in object_ids(Command.PROG_GET_NEXT_ID)
        assert info.instructions >= len(program.spec.code) // 8


def test_nothing_is_left_after_close() -> None:
    commands = (Command.PROG_GET_NEXT_ID, Command.MAP_GET_NEXT_ID, Command.LINK_GET_NEXT_ID)

    def descriptors() -> set[str]:
        return {os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}

    before = {command: object_ids(command) for command in commands}
    open_before = len(os.listdir("/proc/self/fd"))
    raw = only_program(link_ir(count_own_getppid()))
    perf = with_kind(_counter(ProgramKind.PERF_EVENT), ProgramKind.PERF_EVENT)
    image = load_image([CELLS, MapSpec("ring", MapKind.RINGBUF, 0, 0, 4096)], [raw, perf])
    image.maps["cells"].mapping()
    image.add_link(_raw(image.programs["count"]))
    clock = PerfEventSpec(TYPE_SOFTWARE, SW_CPU_CLOCK, sample_freq=100, pid=0)
    image.add_link(attach_perf_event(image.programs["p"], clock))
    during = {command: object_ids(command) for command in commands}
    mine = {command: during[command] - before[command] for command in commands}
    assert len(mine[Command.PROG_GET_NEXT_ID]) >= 2
    assert len(mine[Command.MAP_GET_NEXT_ID]) >= 2
    assert "anon_inode:bpf-prog" in descriptors()
    image.close()
    image.close()
    assert len(os.listdir("/proc/self/fd")) == open_before
    limit = time.monotonic() + 5  # the kernel frees programs after an RCU grace period
    while any(object_ids(command) & mine[command] for command in commands):
        assert time.monotonic() < limit, "objects stay in the kernel"
        time.sleep(0.01)


def test_failed_load_leaves_nothing() -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    bad = ProgramSpec("bad", ProgramKind.RAW_TRACEPOINT, bytes.fromhex("9500000000000000"))
    with pytest.raises(KernelRefused):
        load_image([CELLS], [bad])
    assert len(os.listdir("/proc/self/fd")) == open_before


@pytest.mark.parametrize("wait", [wait_for_running_programs, wait_by_map_of_maps])
def test_waiting_for_running_programs(wait: Callable[[], None]) -> None:
    """A program that is still running when the wait begins has ended when the wait is over."""
    skip_without(Feature.BPF_LOOP)
    ir = body(
        f"""
  store volatile i64 1, ptr @cells
  %r = call i64 {helper(181)}(i32 3000000, ptr @add, ptr null, i64 0)
  store volatile i64 2, ptr @cells""",
        before=f"""
define internal i64 @add(i64 %i, ptr %c) "no-builtins" {{
  %t = call i64 {helper(5)}()
  ret i64 0
}}""",
    )
    with load_image([CELLS], [only_program(link_ir(ir, argument_counts={"add": 2}))]) as image:
        words = image.maps["cells"].mapping().words
        child = os.fork()
        if child == 0:
            image.programs["p"].run(u64(0))
            os._exit(0)
        try:
            _spin_until(lambda: words[0] != 0)  # 2 where this process was not run in between
            wait()
            assert words[0] == 2
        finally:
            os.waitpid(child, 0)


def test_percpu_array_from_a_program() -> None:
    ir = body(f"""
  %key = alloca i32
  store i32 1, ptr %key
  %cell = call ptr {helper(1)}(ptr @each, ptr %key)
  %none = icmp eq ptr %cell, null
  br i1 %none, label %out, label %go
go:
  %cpu = call i64 {helper(8)}()
  %v = add i64 %cpu, 100
  store i64 %v, ptr %cell
  br label %out
out:""")
    each = MapSpec("each", MapKind.PERCPU_ARRAY, 4, 8, 2)
    with load_image([each], [only_program(link_ir(ir, maps=("each",), values=()))]) as image:
        for cpu in possible_cpus():
            image.programs["p"].run(u64(0), cpu=cpu)
        assert image.maps["each"].lookup_percpu(u32(1)) == [u64(cpu + 100) for cpu in possible_cpus()]
