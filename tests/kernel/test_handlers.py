"""Whole handlers: dispatch, events and groups, errors and catches, locks, times."""

from __future__ import annotations

import ctypes
import os
import struct
import threading

import pytest

from pystap.abi.event_layout import GROUP_END, GROUP_START
from pystap.abi.image import load_constant, loaded_name
from pystap.abi.map_layout import USER_HOLDS, Counter
from pystap.kernel import InternalError
from pystap.loader.links import PerfEventSpec, attach_perf_event, attach_raw_tracepoint, attach_typed_tracepoint
from pystap.program.attach import PerfClock, Syscalls
from pystap.program.fault_messages import fill_in
from pystap.program.limits import Limits
from pystap.program.nodes import Break, ContextKind, Evaluate, Function, Next, ReadMemory, Return, TryCatch
from pystap.program.symbols import StorageKind
from pystap.program.types import Type
from pystap.source import SourceFile, Span

from .scripts import (
    FACTS,
    PID,
    SPAN,
    Running,
    Script,
    array,
    assign,
    binary,
    builtin,
    call,
    choose,
    context,
    element,
    evaluate,
    execname,
    formatted,
    increment,
    local,
    number,
    own_name,
    run,
    scalar,
    string,
    update,
    user_string,
    value_of,
    with_facts,
)  # fmt: skip

pytestmark = pytest.mark.guest(native=True)

NUMBER, RESULT = context(ContextKind.SYSCALL_NUMBER), context(ContextKind.SYSCALL_RETURN)
GETPPID, CHDIR = 110, 80


def numbers(*given: int, returns: bool = False) -> Syscalls:
    return Syscalls(returns, frozenset(given))


def test_dispatch_runs_handlers_in_order() -> None:
    script = Script()
    for index, attach in enumerate((numbers(1, 2), Syscalls(False, None), numbers(2, 3), numbers(0, 400))):
        script.handler(script.send(number(index), NUMBER), attach=attach)
    expected = {0: [1, 3], 1: [0, 1], 2: [0, 1, 2], 3: [1, 2], 4: [1], 400: [1, 3], -1: [1], 1 << 32: [1]}
    with Running(script) as running:
        for given, order in expected.items():
            running.hit(second=given)
            assert [r.fields for r in running.records()] == [[index, given] for index in order]
        [attachment] = running.code.attachments
        assert (attachment.attach, attachment.handlers) == (Syscalls(False, None), (0, 1, 2, 3))


def test_only_wanted_numbers() -> None:
    script = Script(globals=[scalar("n")])
    script.handler(increment(value_of(script.globals[0])), attach=numbers(7, 9))
    with Running(script) as running:
        for given in (7, 8, 9, -1, 7):
            running.hit(second=given)
        assert running.scalar("n") == 3
        assert running.code.attachments[0].attach == numbers(7, 9)


def test_events_alone_and_in_groups() -> None:
    script = Script()
    script.handler(script.send(string("one")), choose(binary(NUMBER, ">", number(5)), [script.send(number(2))]))
    script.handler(choose(NUMBER, [script.send(number(3))], [script.send(number(4))]))
    with Running(script) as running:
        running.hit(second=9)
        first, second, end, alone = running.records()
        key = second.group
        assert 0 < key < GROUP_START
        assert (first.group, end.group, alone.group) == (key | GROUP_START, key, 0)
        assert (first.fields, second.fields, end.number, end.fields) == (["one"], [2], GROUP_END, [2])
        running.hit(second=0)
        assert [(r.number, r.fields) for r in running.records()] == [(0, ["one"]), (GROUP_END, [1]), (3, [4])]


def test_full_buffer_counts_lost_events() -> None:
    script = Script()
    script.handler(script.send(NUMBER))
    with Running(script, with_facts(ringbuf_bytes=4096)) as running:
        for given in range(400):
            running.hit(second=given)
        lost = running.counter(Counter.LOST_EVENTS)
        assert [r.fields[0] for r in running.records()] == list(range(400 - lost))
        assert lost > 100


def test_stop_ends_everything() -> None:
    script = Script(globals=[scalar("n")])
    script.handler(increment(value_of(script.globals[0])))
    script.handler(choose(binary(NUMBER, "==", number(3)), [script.send(ends=True, stops=True)]))
    with Running(script) as running:
        for given in (1, 2, 3, 4, 5):
            running.hit(second=given)
        assert running.scalar("n") == 3
        assert len(running.records()) == 1


def test_next_and_return_end_the_handler() -> None:
    script = Script()
    script.handler(
        choose(binary(NUMBER, "==", number(1)), [Next(span=SPAN)]),
        choose(binary(NUMBER, "==", number(2)), [Return(span=SPAN, value=None)]),
        script.send(NUMBER, ends=True),
        script.send(number(99)),
    )
    with Running(script) as running:
        for given in (1, 2, 3):
            running.hit(second=given)
        assert [r.fields for r in running.records()[:1]] == [[3]]


def message_of(running: Running, record_number: int, value: int) -> str:
    return fill_in(running.code.errors[record_number - 0x4000_0000].message, value)


def test_division_by_zero_is_reported_and_stops() -> None:
    text = SourceFile("test.stp", "x =\n7 / (y - 2)\n")
    division = binary(number(7), "/", binary(NUMBER, "-", number(2)))
    division.span, division.left.span = Span(text, 4, 15), Span(text, 4, 5)
    script = Script(globals=[scalar("n")])
    script.handler(increment(value_of(script.globals[0])), script.send(division))
    with Running(script) as running:
        for given in (1, 2, 3):
            running.hit(second=given)
        good, bad = running.records()
        assert good.fields == [-7]
        assert message_of(running, bad.number, 0) == "division by 0 near operator '/' at test.stp:2:3"
        assert (running.scalar("n"), running.counter(Counter.ERRORS)) == (2, 1)


@pytest.mark.parametrize("limits", [Limits(max_errors=5), Limits(suppress_handler_errors=True)])
def test_errors_that_do_not_stop(limits: Limits) -> None:
    script = Script(limits=limits)
    script.handler(script.send(binary(NUMBER, "%", NUMBER)))
    with Running(script) as running:
        for given in (0, 1, 0):
            running.hit(second=given)
        assert [r.fields for r in running.records()] == [[0], [0], [0]]
        assert (running.counter(Counter.ERRORS), running.control(0)) == (2, 0)


def test_error_belongs_to_the_group() -> None:
    script = Script()
    script.handler(script.send(number(1)), script.send(binary(number(1), "/", NUMBER)))
    with Running(script) as running:
        running.hit(second=0)
        first, error, end = running.records()
        assert first.group == error.group | GROUP_START
        assert (error.number, end.fields) == (0x4000_0000, [2])


def test_catch_gets_the_message() -> None:
    m, x = local("m", Type.STRING, 127), local("x")
    inner = TryCatch(
        span=SPAN, message=None,
        body=[run(assign(value_of(x), binary(number(1), "/", NUMBER))), run(assign(value_of(x), number(5)))],
        handler=[run(update(value_of(x), "+", number(100)))],
    )  # fmt: skip
    fault = ReadMemory(span=SPAN, type=Type.LONG, address=number(16), offset=4, size=4, signed=True)
    outer = TryCatch(span=SPAN, message=m, body=[inner, run(fault), run(assign(value_of(x), number(-1)))], handler=[])
    zero = TryCatch(span=SPAN, message=m, body=[run(binary(number(1), "%", NUMBER))], handler=[])
    script = Script()
    script.handler(outer, script.send(value_of(x), value_of(m)), zero, script.send(value_of(m)), locals=[m, x])
    with Running(script) as running:
        running.hit(second=0)
        first, second, _ = running.records()
        assert first.fields == [100, "read fault [man error::fault] at 0x0000000000000014 (addr)"]
        assert second.fields == ["division by 0"]
        assert (running.counter(Counter.ERRORS), running.code.errors) == (0, ())


def test_fault_leaves_no_half_made_record() -> None:
    """A record that is being filled when a read faults is discarded; the next one arrives whole."""
    m = local("m", Type.STRING, 127)
    script = Script()
    attempt = TryCatch(span=SPAN, message=m, body=[script.send(user_string(NUMBER), number(1))], handler=[])
    script.handler(attempt, script.send(value_of(m)), locals=[m])
    text = ctypes.create_string_buffer(b"text")
    with Running(script) as running:
        running.hit(second=1)
        running.hit(second=ctypes.addressof(text))
        assert [r.fields for r in running.records() if r.number != GROUP_END] == [
            ["user string copy fault at 0x0000000000000001 [man error::fault]"], ["text", 1], [""],
        ]  # fmt: skip


def test_read_memory_of_every_size() -> None:
    data = struct.pack("=q", -2)
    memory = ctypes.create_string_buffer(data, 8)
    values = [
        ReadMemory(span=SPAN, type=Type.LONG, address=number(ctypes.addressof(memory)), offset=0, size=size,
                   signed=signed, user=True)
        for size in (1, 2, 4, 8) for signed in (True, False)
    ]  # fmt: skip
    assert evaluate(*values) == [-2, 0xFE, -2, 0xFFFE, -2, 0xFFFFFFFE, -2, -2]


def overload(name: str, limit: int, result: int, following: Function | None) -> Function:
    n = local("n")
    return Function(
        name, SPAN, [n], [],
        [
            choose(binary(value_of(n), ">", number(limit)), [Next(span=SPAN)]),
            Return(span=SPAN, value=binary(value_of(n), "+", number(result))),
        ],
        Type.LONG, 0, following,
    )  # fmt: skip


def test_overloads() -> None:
    """`next` in a function goes on with the next overload; behind the last one it is an error."""
    chain = overload("f", 10, 1000, overload("f__2", 20, 2000, None))
    script = Script(functions=[chain])
    script.handler(script.send(call(chain, NUMBER)))
    with Running(script) as running:
        for given in (5, 15, 25):
            running.hit(second=given)
        first, second, error = running.records()
        assert [first.fields, second.fields] == [[1005], [2015]]
        assert message_of(running, error.number, 0) == "all functions exhausted near identifier 'f__2' at test.stp:1:1"


def test_where_something_is_loaded_is_known_at_the_start() -> None:
    """The code of an image has no addresses: the loader fills them in, one for each name."""
    script = Script()
    kernel, section = context(ContextKind.LOADED_AT), context(ContextKind.LOADED_AT, name="module:.bss")
    script.handler(script.send(binary(kernel, "+", number(16)), section))
    constants = {load_constant(""): 0x7FFF_8100_0000_0000, load_constant("module:.bss"): 0x7123_4567_89AB_CDEF}
    assert [loaded_name(symbol) for symbol in constants] == ["", "module:.bss"]
    with Running(script, constants=constants) as running:
        running.hit()
        assert running.records()[0].fields == [0x7FFF_8100_0000_0010, 0x7123_4567_89AB_CDEF]


def locked(script: Script, pid: int | None = None) -> None:
    """Add a handler with a lock, all of it in an `if` for the calls of one process: this one, if none is given."""
    x, y, a = scalar("x"), scalar("y"), array("a", 0)
    script.globals += [x, y, a]
    script.locks = 1
    e = element(a, number(1))
    script.handler(
        choose(binary(builtin(PID), "==", number(os.getpid() if pid is None else pid)), [
            run(assign(value_of(x), binary(binary(value_of(x), "*", number(3)), "+", number(1)))),
            run(assign(value_of(y), binary(value_of(y), "+", number(1)))),
            run(update(e, "^", number(0x55))), run(update(e, "*", number(3))),
        ]),
        lock=0, attach=numbers(GETPPID),
    )  # fmt: skip


LOCK_KINDS = {
    "bpf_loop": with_facts(fetching_atomics=True, bpf_loop=True),
    "native loop": with_facts(fetching_atomics=True, bpf_loop=False),
    "token": with_facts(fetching_atomics=False, bpf_loop=False),
}


@pytest.mark.parametrize("kind", LOCK_KINDS)
def test_locked_handlers_are_atomic(kind: str) -> None:
    facts = LOCK_KINDS[kind]
    if (facts.bpf_loop, facts.fetching_atomics) > (FACTS.bpf_loop, FACTS.fetching_atomics):
        pytest.skip("this kernel lacks it")
    script = Script()
    locked(script)
    times = 20_000
    with Running(script, facts) as running:
        running.image.add_link(attach_raw_tracepoint(running.entry, "sys_enter"))
        syscall = ctypes.CDLL(None).syscall
        threads = [threading.Thread(target=lambda: [syscall(GETPPID) for _ in range(times)]) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        running.image.detach()
        done = running.scalar("y")
        assert done + running.counter(Counter.SKIPPED_LOCK) == 2 * times
        x = e = 0
        for _ in range(done):
            x = (x * 3 + 1) % (1 << 64)
            e = (e ^ 0x55) * 3 % (1 << 64)
        assert running.scalar("x") % (1 << 64) == x
        [(_, value)] = running.image.maps["a_a"].items()
        assert struct.unpack("=Q", value)[0] == e
        if kind != "token":
            assert running.control(running.layout.lock_offset(0)) == 0


def test_lock_held_by_the_session_skips() -> None:
    y = scalar("y")
    script = Script(globals=[y], locks=1)
    script.handler(run(assign(value_of(y), binary(value_of(y), "+", number(1)))), lock=0, attach=numbers(GETPPID))
    with Running(script) as running:
        if not FACTS.fetching_atomics:
            pytest.skip("there the lock is a token")
        lock = running.layout.lock_offset(0)
        running.set_control(lock, USER_HOLDS)
        running.hit(second=GETPPID)
        running.set_control(lock, 1)
        running.hit(second=GETPPID, cpu=0)
        running.set_control(lock, 0)
        running.hit(second=GETPPID)
        counters = [running.counter(c) for c in (Counter.SKIPPED_USER_LOCK, Counter.SKIPPED_LOCK)]
        assert (counters, running.scalar("y")) == ([1, 1], 1)


@pytest.mark.parametrize("timing", [True, False])
def test_the_lock_is_taken_behind_a_condition_around_everything(timing: bool) -> None:
    """A hit that the condition turns away needs no lock; only the times of -t are taken of all hits."""
    script = Script()
    locked(script, pid=0)
    with Running(script, with_facts(timing=timing)) as running:
        if not FACTS.fetching_atomics:
            pytest.skip("there the lock is a token")
        running.set_control(running.layout.lock_offset(0), USER_HOLDS)
        running.hit(second=GETPPID)
        assert running.counter(Counter.SKIPPED_USER_LOCK) == int(timing)
        assert running.control(running.layout.lock_offset(0)) == USER_HOLDS


@pytest.mark.parametrize("atomics", [True, False])
def test_no_free_scratch_slot_is_a_skip(atomics: bool) -> None:
    script = Script()
    script.handler(script.send(formatted("%d", NUMBER)))
    if atomics and not FACTS.fetching_atomics:
        pytest.skip("this kernel lacks them")
    with Running(script, with_facts(fetching_atomics=atomics, bpf_loop=False)) as running:
        scratch = running.image.maps["scratch"]
        for index in range(scratch.spec.max_entries):
            scratch.update(struct.pack("=I", index), struct.pack("=Q", 6).ljust(scratch.spec.value_size, b"\0"))
        running.hit()
        assert running.records() == []
        assert running.counter(Counter.SKIPPED_SCRATCH) == 1
        for index in range(scratch.spec.max_entries):
            scratch.update(struct.pack("=I", index), bytes(scratch.spec.value_size))
        for _ in range(20):
            running.hit(second=12)
        assert [r.fields for r in running.records()] == [["12"]] * 20


def test_times() -> None:
    script = Script(globals=[scalar("n")])
    script.handler(increment(value_of(script.globals[0])))
    with Running(script, with_facts(timing=True)) as running:
        for _ in range(10):
            running.hit()
        hits, total, least, most = (
            running.counter(c) for c in (Counter.HITS, Counter.TOTAL_NS, Counter.MIN_NS, Counter.MAX_NS)
        )
        assert hits == 10
        assert 0 < least <= total // 10 <= most <= total


def check_arguments(running: Running) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for program in running.image.programs.values():
        if program.spec.attach_btf_id:
            running.image.add_link(attach_typed_tracepoint(program))
        else:
            name = "sys_exit" if program.spec.name == "syscall_return" else "sys_enter"
            running.image.add_link(attach_raw_tracepoint(program, name))
    path = ctypes.create_string_buffer(b"/no/such/folder")
    libc.syscall(CHDIR, path, *(ctypes.c_long(value) for value in range(11, 16)))
    running.image.detach()
    entry, back = running.records()
    assert entry.fields == [CHDIR, "/no/such/folder", 11, 12, 13, 14, 15]
    assert back.fields == [CHDIR, -2, 15]


def argument_script() -> Script:
    script = Script()
    arguments = [context(ContextKind.SYSCALL_ARGUMENT, index) for index in range(6)]
    mine = binary(builtin(PID), "==", number(os.getpid()))
    script.handler(
        choose(mine, [script.send(NUMBER, user_string(arguments[0]), *arguments[1:])]), attach=numbers(CHDIR)
    )
    script.handler(choose(mine, [script.send(NUMBER, RESULT, arguments[5])]), attach=numbers(CHDIR, returns=True))
    return script


def test_arguments_by_raw_tracepoints() -> None:
    with Running(argument_script()) as running:
        check_arguments(running)


def btf_trace_ids() -> tuple[int, int]:
    """Find the two typedefs of the kernel's BTF by a plain walk (kernel: Documentation/bpf/btf.rst)."""
    with open("/sys/kernel/btf/vmlinux", "rb") as file:
        data = file.read()
    _, _, _, header, type_at, type_size, string_at, _ = struct.unpack_from("<HBBIIIII", data)
    at, end, strings, number_, found = header + type_at, header + type_at + type_size, header + string_at, 0, {}
    sizes = {1: (4, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8), 14: (4, 0), 15: (0, 12),
             17: (4, 0), 19: (0, 12)}  # fmt: skip
    while at < end:
        name, info, _ = struct.unpack_from("<III", data, at)
        number_ += 1
        kind, count = info >> 24 & 31, info & 0xFFFF
        if kind == 8:
            text = data[strings + name : data.index(b"\0", strings + name)]
            found[text] = number_
        fixed, each = sizes.get(kind, (0, 0))
        at += 12 + fixed + each * count
    return found[b"btf_trace_sys_enter"], found[b"btf_trace_sys_exit"]


def test_arguments_by_typed_tracepoints() -> None:
    with Running(argument_script(), with_facts(typed_syscall_tracepoints=btf_trace_ids())) as running:
        check_arguments(running)


def test_perf_clock_sees_the_interrupted_task() -> None:
    c = array("c", 15, storage=StorageKind.ADD_ONLY)
    script = Script(globals=[c])
    script.handler(increment(element(c, execname())), attach=PerfClock(1_000_000, False))
    with Running(script) as running:
        [program] = running.image.programs.values()
        spec = PerfEventSpec(1, 0, sample_period=100_000, pid=os.getpid())
        running.image.add_link(attach_perf_event(program, spec))
        found = running.image.maps["a_c"]
        for _ in range(200):
            sum(range(50_000))
            if found.items():
                break
        comm = own_name()
        assert [k.rstrip(b"\0").decode() for k, _ in found.items()] == [comm]


def test_many_handlers_with_much_stack() -> None:
    """Handlers beyond what fits one stack frame become functions of their own."""
    a = array("a", 30, 15, 0)
    script = Script(globals=[a])
    for index in range(60):
        key = element(a, formatted("call %d", number(index)), execname(), NUMBER)
        script.handler(increment(key), script.send(string("x" * index), NUMBER), attach=numbers(index, index + 1))
    with Running(script) as running:
        running.hit(second=5)
        assert [r.fields for r in running.records()] == [["x" * 4, 5], ["x" * 5, 5]]
        assert len(running.image.maps["a_a"].items()) == 2


def test_more_handlers_than_a_program_may_have_functions() -> None:
    script = Script()
    for index in range(150):
        script.handler(script.send(formatted("%d", number(index))), attach=numbers(index, index + 1))
    with Running(script) as running:
        assert [a.program for a in running.code.attachments] == ["syscall_entry", "syscall_entry_100"]
        for program in running.image.programs:
            running.hit(second=100, program=program)
        assert [r.fields for r in running.records()] == [["99"], ["100"]]


def test_user_target_statements_are_refused() -> None:
    script = Script()
    script.handler(Break(span=SPAN))
    with pytest.raises(InternalError):
        Running(script)
    script = Script()
    script.handler(Evaluate(span=SPAN, expression=value_of(scalar("n", StorageKind.ADD_ONLY))))
    with pytest.raises((InternalError, KeyError)):
        Running(script)
