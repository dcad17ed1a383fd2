"""Run-time errors of kernel handlers: to the innermost catch, or as an error record to the session.

The texts are those of program/fault_messages, shared with user handlers; a catch gets the message without the place.
"""

from __future__ import annotations

from ..abi.event_layout import EVENTS_MAP, HEADER_SIZE
from ..abi.map_layout import Counter
from ..program.fault_messages import FaultMessage
from . import records
from .context import HandlerContext
from .ir import Code, Helper


def raise_error(h: HandlerContext, fault: FaultMessage, value: str = "0") -> None:
    """Emit what happens when a run-time error occurs here; the block ends.

    The message may hold one `%d` or `%#x`, which stands for the i64 `value`.
    """
    code = h.code
    if h.record is not None:
        records.discard(code, h.record)
    if h.catch is not None:
        if h.catch.message is not None:
            h.generate.message_into(h, fault.message, value, h.catch.message)
        code.jump(h.catch.label)
        return
    number = h.error_number(str(fault))
    counters, group = h.counter(Counter(0)), records.group_word(h)
    code.line(f"call void {_report_function(h)}(ptr {counters}, i64 {number}, i64 {value}, i64 {group})")
    if h.shared.errors_stop:
        records.wake_at_end(h)
    code.jump(h.exit_label)


def _report_function(h: HandlerContext) -> str:
    """Return the function that counts an error, ends the session when errors do, and sends the error record."""
    code = Code()
    code.add_atomically(code.offset("%counters", 8 * Counter.ERRORS), "1")
    if h.shared.errors_stop:
        records.stop_session(code, h.control)
    full, room = code.name("full"), code.name("room")
    arguments = f"ptr {h.module.map(EVENTS_MAP)}, i64 {HEADER_SIZE + 8}, i64 0"
    record = code.helper("record", Helper.RINGBUF_RESERVE, arguments, "ptr")
    code.branch(code.is_null(record), full, room)
    code.begin(full)
    code.add_atomically(code.offset("%counters", 8 * Counter.LOST_EVENTS), "1")
    code.ret()
    code.begin(room)
    records.header(code, record, "%number", "%group")
    code.store("%value", code.offset(record, HEADER_SIZE))
    records.submit(code, record, records.FORCE_WAKEUP if h.shared.errors_stop else records.NO_WAKEUP)
    code.ret()
    parameters = "ptr %counters, i64 %number, i64 %value, i64 %group"
    return h.module.function("report_error", code.function(f"internal void @report_error({parameters}) noinline"))
