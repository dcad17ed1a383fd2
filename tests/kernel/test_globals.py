"""Globals and arrays: what kernel handlers leave in the maps."""

from __future__ import annotations

import ctypes
import os
import struct
import threading

import pytest

from pystap.abi.map_layout import GENERATION_OFFSET, Counter
from pystap.loader.links import attach_raw_tracepoint
from pystap.program.attach import Syscalls
from pystap.program.nodes import Contains, ContextKind, Delete
from pystap.program.symbols import StorageKind
from pystap.program.types import Type

from .scripts import (
    FACTS,
    PID,
    SPAN,
    TID,
    Running,
    Script,
    array,
    assign,
    binary,
    builtin,
    choose,
    conditional,
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
    value_of,
    with_facts,
)  # fmt: skip

pytestmark = pytest.mark.guest(native=True)

GETPPID = 110


def test_shared_scalars_keep_their_initial_value() -> None:
    n, s, t = scalar("n"), scalar("s", kind=Type.STRING, width=20), scalar("t", kind=Type.STRING, width=9)
    n.initial, s.initial = -5, "hello"
    script = Script(globals=[n, s, t])
    script.handler(
        increment(value_of(n)),
        run(assign(value_of(t), binary(value_of(s), ".", formatted("%d", value_of(n)), width=30))),
        run(assign(value_of(s), string("bye"))),
    )
    with Running(script) as running:
        running.hit()
        assert running.scalar("n") == -4
        assert running.text("s", 24) == b"bye".ljust(24, b"\0")
        assert running.text("t", 16) == b"hello-4".ljust(16, b"\0")
        running.hit()
        assert running.text("t", 16) == b"bye-3".ljust(16, b"\0")


@pytest.mark.parametrize("atomics", [True, False])
def test_scalar_updates_and_their_values(atomics: bool) -> None:
    n, m = scalar("n"), scalar("m")
    values = [
        update(value_of(n), "+", number(3), gives_old=True), update(value_of(n), "-", number(5)),
        update(value_of(n), "*", number(10)), update(value_of(n), "%", number(7), gives_old=True),
        assign(value_of(m), value_of(n)), value_of(m),
    ]  # fmt: skip
    facts = with_facts(fetching_atomics=atomics and FACTS.fetching_atomics, bpf_loop=False)
    assert evaluate(*values, globals=[n, m], facts=facts) == [0, -2, -20, -20, -6, -6]


def test_added_scalars_lie_in_the_buffer_of_the_generation() -> None:
    a, d = scalar("a", StorageKind.ADD_ONLY), scalar("d", StorageKind.DRAINED)
    script = Script(globals=[a, d])
    script.handler(increment(value_of(a)), run(update(value_of(d), "-", number(2))))
    with Running(script) as running:
        running.hit(cpu=0)
        running.set_control(GENERATION_OFFSET, 1)
        running.hit(cpu=0)
        running.hit(cpu=os.cpu_count() - 1)  # type: ignore[operator]
        assert running.added("a") == [3, 0]
        assert running.added("d") == [-2, -4]


def test_arrays_with_mixed_keys() -> None:
    a = array("a", 0, 10, 0)
    t = array("t", 12, kind=Type.STRING, width=20)
    e = [element(a, number(-1), string("key"), number(1 << 40)), element(t, string("name"))]
    missing = [element(a, number(0), string("key"), number(0)), element(t, string("other"))]
    values = [
        assign(e[0], number(10)), update(e[0], "*", number(4)), update(e[0], "+", number(2), gives_old=True), e[0],
        missing[0], assign(e[1], string("abc")), update(e[1], ".", string("def")), e[1], missing[1],
        Contains(span=SPAN, type=Type.LONG, array=a, keys=e[0].keys),
        Contains(span=SPAN, type=Type.LONG, array=a, keys=missing[0].keys),
        update(missing[0], "-", number(7)), update(missing[0], "+", number(1), gives_old=True), missing[0],
    ]  # fmt: skip
    expected = [10, 40, 40, 42, 0, "abc", "abcdef", "abcdef", "", 1, 0, -7, -7, -6]
    assert evaluate(*values, globals=[a, t]) == expected


def test_delete_and_string_keys_of_every_kind() -> None:
    a = array("a", 20)
    s = local("s", Type.STRING, 30)
    script = Script(globals=[a])
    script.handler(
        run(assign(value_of(s), string("local"))),
        increment(element(a, value_of(s))),
        increment(element(a, string("literal"))),
        increment(element(a, execname())),
        increment(element(a, binary(value_of(s), ".", string("+")))),
        increment(element(a, conditional(number(1), string("left"), string("right one")))),
        run(update(element(a, string("literal")), "+", number(41))),
        Delete(span=SPAN, target=element(a, value_of(s))),
        Delete(span=SPAN, target=element(a, string("never there"))),
        locals=[s],
    )
    with Running(script) as running:
        running.hit()
        comm = own_name()
        got = {k.rstrip(b"\0").decode(): struct.unpack("=q", v)[0] for k, v in running.image.maps["a_a"].items()}
        assert got == {"literal": 42, comm: 1, "local+": 1, "left": 1}
        assert running.counter(Counter.LOST_UPDATES) == 0


def test_full_array_is_an_error_with_its_place() -> None:
    c = array("counts", 0, size=4, storage=StorageKind.ADD_ONLY)
    script = Script(globals=[c])
    script.handler(increment(element(c, context(ContextKind.SYSCALL_NUMBER))))
    with Running(script) as running:
        for key in (1, 2, 3, 4, 2, 1):
            running.hit(second=key)
        assert running.records() == []
        running.hit(second=5)
        [record] = running.records()
        assert running.code.errors[record.number - 0x4000_0000].message == (
            "Array overflow, check size limit (4) near identifier 'counts' at test.stp:1:1"
        )
        assert (running.counter(Counter.ERRORS), running.control(0)) == (1, 1)
        running.hit(second=1)
        sums = {struct.unpack("=q", k)[0]: sum(struct.unpack(f"={len(v) // 8}q", v))
                for k, v in running.image.maps["a_counts"].items()}  # fmt: skip
        assert sums == {1: 2, 2: 2, 3: 1, 4: 1}, "the session is stopped: the last hit must not count"


def test_drained_arrays_go_to_the_buffer_of_the_generation() -> None:
    c = array("c", 15, storage=StorageKind.DRAINED)
    script = Script(globals=[c])
    script.handler(increment(element(c, execname())))
    with Running(script) as running:
        running.hit()
        running.set_control(GENERATION_OFFSET, 1)
        running.hit()
        running.hit()
        sums = [
            [sum(struct.unpack(f"={len(v) // 8}q", v)) for _, v in running.image.maps[name].items()]
            for name in ("a_c", "b_c")
        ]
        assert sums == [[1], [2]]


def call_getppid(times: int) -> None:
    syscall = ctypes.CDLL(None).syscall
    for _ in range(times):
        syscall(GETPPID)


def test_two_threads_lose_no_count() -> None:
    """Real system calls of two threads: each is counted once, by a scalar, an array and a shared fetch-and-add."""
    times = 60_000
    n, m = scalar("n", StorageKind.ADD_ONLY), scalar("m")
    c, h = array("c", 0, storage=StorageKind.DRAINED), array("h", 0)
    script = Script(globals=[n, m, c, h])
    mine = binary(builtin(PID), "==", number(os.getpid()))
    x = local("x")
    script.handler(
        choose(mine, [
            increment(value_of(n)), increment(element(c, builtin(TID))), increment(element(h, number(1))),
            run(assign(value_of(x), update(value_of(m), "+", number(1)))),
            run(assign(value_of(x), update(element(h, number(2)), "+", number(1)))),
        ]),
        locals=[x], attach=Syscalls(False, frozenset([GETPPID])),
    )  # fmt: skip
    with Running(script) as running:
        running.image.add_link(attach_raw_tracepoint(running.entry, "sys_enter"))
        threads = [threading.Thread(target=call_getppid, args=(times,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        running.image.detach()
        assert sum(running.added("n")) == 2 * times
        assert running.scalar("m") == 2 * times
        counts = [sum(struct.unpack(f"={len(v) // 8}q", v)) for _, v in running.image.maps["a_c"].items()]
        assert counts == [times, times]
        shared = {struct.unpack("=q", k)[0]: struct.unpack("=q", v)[0] for k, v in running.image.maps["a_h"].items()}
        assert shared == {1: 2 * times, 2: 2 * times}
