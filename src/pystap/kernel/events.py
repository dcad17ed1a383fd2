"""Sending events: a record of constant size is reserved, filled in place and submitted."""

from __future__ import annotations

from ..abi.event_layout import HEADER_SIZE, field_sizes, record_size
from ..abi.map_layout import Counter
from ..program.nodes import Event, Expression, ReadBlock, SendEvent
from ..program.types import BLOCK_WIDTH, Type
from . import analysis, records
from .blocks import block_memory, read_block
from .context import HandlerContext, Text
from .strings import copy_text, stable_text


def send_event(h: HandlerContext, statement: SendEvent) -> None:
    """Emit the sending of an event. Values are evaluated into the record unless they have effects of their own."""
    code, event = h.code, statement.event
    if BLOCK_WIDTH in event.widths:
        _send_with_blocks(h, statement)
        return
    ready: list[str | Text] | None = None
    if any(analysis.has_effects(value) for value in statement.values):
        ready = [_evaluate(h, value) for value in statement.values]
    full, room, sent = code.name("full"), code.name("room"), code.name("sent")
    record = records.reserve(h, record_size(event.types, event.widths))
    code.branch(code.is_null(record), full, room)
    code.begin(room)
    h.record = record
    _fill(h, record, event, ready if ready is not None else statement.values)
    h.record = None
    records.header(code, record, event.number, records.group_word(h))
    if statement.stops_session:
        records.stop_session(code, h.control)
    records.submit(code, record, records.FORCE_WAKEUP if statement.stops_session else records.NO_WAKEUP)
    code.jump(sent)
    code.begin(full)
    h.count(Counter.LOST_EVENTS)
    records.group_word(h)
    if statement.stops_session:
        records.stop_session(code, h.control)
    code.begin(sent)
    if statement.stops_session:
        records.wake_at_end(h)
    if statement.ends_handler:
        code.jump(h.exit_label)


def _send_with_blocks(h: HandlerContext, statement: SendEvent) -> None:
    """Emit the sending of an event with blocks of memory: made in scratch memory, and sent as long as it got."""
    code, event = h.code, statement.event
    full, sent = code.name("full"), code.name("sent")
    fixed = record_size(event.types, event.widths)
    blocks = [value for value in statement.values if isinstance(value, ReadBlock)]
    record = block_memory(h, len(blocks), fixed)
    _fill(h, record, event, statement.values)
    end = str(fixed)
    for block in blocks:
        length = read_block(h, block, code.offset(record, end) if end != str(fixed) else code.offset(record, fixed))
        end = code.value("end", f"add i64 {end}, {length}")
    records.header(code, record, event.number, records.group_word(h))
    if statement.stops_session:
        records.stop_session(code, h.control)
    lost = records.output(h, record, end, records.FORCE_WAKEUP if statement.stops_session else records.NO_WAKEUP)
    code.branch(lost, full, sent)
    code.begin(full)
    h.count(Counter.LOST_EVENTS)
    code.begin(sent)
    if statement.stops_session:
        records.wake_at_end(h)
    if statement.ends_handler:
        code.jump(h.exit_label)


def _fill(h: HandlerContext, record: str, event: Event, values: list[Expression] | list[str | Text]) -> None:
    offset = HEADER_SIZE
    sizes = field_sizes(event.types, event.widths)
    for value, kind, width, size in zip(values, event.types, event.widths, sizes, strict=True):
        if not size:
            continue
        at = h.code.offset(record, offset)
        if isinstance(value, Text):
            copy_text(h, value, at, width)
        elif isinstance(value, str):
            h.code.store(value, at)
        elif kind is Type.STRING:
            h.generate.text_into(h, value, at, width)
        else:
            h.code.store(h.generate.long(h, value), at)
        offset += size


def _evaluate(h: HandlerContext, value: Expression) -> str | Text:
    return stable_text(h, value) if value.type is Type.STRING else h.generate.long(h, value)
