"""The records of the ring buffer: headers, groups, submission (abi/event_layout).

Records are submitted without a wake-up, the session drains the buffer on a timer; one that ends the session wakes it. A
handler that may send several records in a run marks them as a group, whose key is the number of its scratch slot.
"""

from __future__ import annotations

from ..abi.event_layout import EVENTS_MAP, GROUP_END, GROUP_START, HEADER_SIZE
from ..abi.map_layout import STOPPED_OFFSET, Counter
from .context import HandlerContext
from .ir import Code, Helper, helper_call
from .scratch import GROUP_KEY_OFFSET, POINTER

NO_WAKEUP, FORCE_WAKEUP = 1, 2
"""Flags of bpf_ringbuf_submit (include/uapi/linux/bpf.h)."""


def reserve(h: HandlerContext, size: int) -> str:
    """Emit the reservation of a record; it gives null when the buffer is full."""
    arguments = f"ptr {h.module.map(EVENTS_MAP)}, i64 {size}, i64 0"
    return h.code.helper("record", Helper.RINGBUF_RESERVE, arguments, "ptr")


def header(code: Code, record: str, number: int | str, group: str) -> None:
    """Emit the stores of a record's event number and group word (i64)."""
    low = str(number) if isinstance(number, int) else code.value("low", f"trunc i64 {number} to i32")
    code.line(f"store i32 {low}, ptr {record}, align 8")
    word = code.value("word", f"trunc i64 {group} to i32")
    code.line(f"store i32 {word}, ptr {code.offset(record, 4)}, align 4")


def submit(code: Code, record: str, flags: int | str) -> None:
    code.line(helper_call(Helper.RINGBUF_SUBMIT, "void", f"ptr {record}, i64 {flags}"))


def output(h: HandlerContext, record: str, size: str, flags: int) -> str:
    """Emit the sending of a record of `size` bytes that was made elsewhere; returns an i1, whether it was lost."""
    arguments = f"ptr {h.module.map(EVENTS_MAP)}, ptr {record}, i64 {size}, i64 {flags}"
    result = h.code.helper("output", Helper.RINGBUF_OUTPUT, arguments)
    return h.code.value("lost", f"icmp slt i64 {result}, 0")


def discard(code: Code, record: str) -> None:
    code.line(helper_call(Helper.RINGBUF_DISCARD, "void", f"ptr {record}, i64 {NO_WAKEUP}"))


def stop_session(code: Code, control: str) -> None:
    """Emit the store that keeps every handler from starting."""
    code.line(f"store volatile i64 1, ptr {code.offset(control, STOPPED_OFFSET)}, align 8")


def group_word(h: HandlerContext) -> str:
    """Emit the group word of the next record, as an i64, and count the record; 0 when the handler sends but one."""
    if h.record_count is None:
        return "0"
    code = h.code
    count = code.load("count", h.record_count)
    code.store(code.value("counted", f"add i64 {count}, 1"), h.record_count)
    key = code.load("key", code.offset(POINTER, GROUP_KEY_OFFSET))
    first = code.value("first", f"icmp eq i64 {count}, 0")
    start = code.value("start", f"select i1 {first}, i64 {GROUP_START}, i64 0")
    return code.value("group", f"or i64 {key}, {start}")


def wake_at_end(h: HandlerContext) -> None:
    """Remember that the record which closes the group must wake the session."""
    if h.wake is not None:
        h.code.store(str(FORCE_WAKEUP), h.wake)


def end_group(h: HandlerContext) -> None:
    """Emit, at the end of a handler that may send several records, the record that closes its group."""
    if h.record_count is None or h.wake is None:
        return
    code = h.code
    some, room, full, done = (code.name(name) for name in ("some", "room", "full", "done"))
    count = code.load("count", h.record_count)
    code.branch(code.value("nothing", f"icmp eq i64 {count}, 0"), done, some)
    code.begin(some)
    key = code.load("key", code.offset(POINTER, GROUP_KEY_OFFSET))
    record = reserve(h, HEADER_SIZE + 8)
    code.branch(code.is_null(record), full, room)
    code.begin(room)
    header(code, record, GROUP_END, key)
    code.store(count, code.offset(record, HEADER_SIZE))
    submit(code, record, code.load("wake", h.wake))
    code.jump(done)
    code.begin(full)
    h.count(Counter.LOST_EVENTS)
    code.begin(done)
