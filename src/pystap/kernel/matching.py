"""Regular expressions in the kernel: stepping through the table of an automaton, byte by byte.

The tables lie in constant data. The loop has a fixed bound, the size of the string's buffer, and looks only every
CHUNK bytes whether the outcome is known, so that the verifier has few ways out of it to follow.
"""

from __future__ import annotations

from ..program.nodes import Match
from ..program.regex_automaton import MATCH, Automaton, compile_automaton
from .context import HandlerContext
from .ir import NO_UNROLL, Module
from .strings import text_of

CHUNK = 16

_FUNCTION = """
define internal i64 @NAME(ptr %text, i64 %chunks) noinline #0 {
entry:
  br label %outer
outer:
  %chunk = phi i64 [0, %entry], [%chunk.next, %again]
  %state.outer = phi i64 [START, %entry], [%state.next, %again]
  %base = mul i64 %chunk, CHUNK
  br label %inner
inner:
  %i = phi i64 [0, %outer], [%i.next, %inner]
  %state = phi i64 [%state.outer, %outer], [%state.next, %inner]
  %at = add i64 %base, %i
  %p = getelementptr i8, ptr %text, i64 %at
  %byte = load i8, ptr %p
  %wide = zext i8 %byte to i64
  %c = getelementptr i8, ptr CLASSES, i64 %wide
  %class = load i8, ptr %c
  %class.wide = zext i8 %class to i64
  %row = shl i64 %state, BITS
  %index = or i64 %row, %class.wide
  %index.opaque = call i64 asm sideeffect "", "=r,0"(i64 %index)
  %index.safe = and i64 %index.opaque, MASK
  %n = getelementptr i8, ptr NEXT, i64 %index.safe
  %next = load i8, ptr %n
  %state.next = zext i8 %next to i64
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, CHUNK
  br i1 %more, label %inner, label %check, NO_UNROLL
check:
  %open = icmp ugt i64 %state.next, MATCHED
  br i1 %open, label %again, label %done
again:
  %chunk.next = add i64 %chunk, 1
  %left = icmp ult i64 %chunk.next, %chunks
  br i1 %left, label %outer, label %done, NO_UNROLL
done:
  %matched = icmp eq i64 %state.next, MATCHED
  %result = zext i1 %matched to i64
  ret i64 %result
}
"""


def match_of(h: HandlerContext, expression: Match) -> str:
    """Emit `text =~ pattern` or `!~`; returns its i64, 0 or 1."""
    text = text_of(h, expression.text)
    chunk = CHUNK if text.size % CHUNK == 0 else CHUNK // 2
    function = _function(h.module, compile_automaton(expression.pattern), chunk)
    found = h.code.value("matched", f"call i64 {function}(ptr {text.pointer}, i64 {text.size // chunk})")
    return h.code.value("unmatched", f"xor i64 {found}, 1") if expression.negated else found


def _function(module: Module, automaton: Automaton, chunk: int) -> str:
    table = automaton.next_states
    size = 1 << (len(table) - 1).bit_length()
    next_states = module.constant(table.ljust(size, b"\0"))
    classes = module.constant(automaton.classes)
    tables = "_".join(symbol.rsplit(".", 1)[-1] for symbol in (next_states, classes))
    name = f"match_{tables}_{automaton.start}_{chunk}"
    text = _FUNCTION.replace("NO_UNROLL", NO_UNROLL).replace("CLASSES", classes)
    values = {
        "NAME": name, "NEXT": next_states, "START": str(automaton.start), "BITS": str(automaton.class_bits),
        "MASK": str(size - 1), "CHUNK": str(chunk), "MATCHED": str(MATCH),
    }  # fmt: skip
    for key, value in values.items():
        text = text.replace(key, value)
    return module.function(name, text)
