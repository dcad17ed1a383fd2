"""Numbers for stacks and address spaces: what is behind one is sent when it is met for the first time.

    c[sprint_ubacktrace()]++        number = hash of the stack;  if it is new: send the stack;  c[number]++

The functions are made once for a module and called by handlers (abi/stack_records has the layout of what they send).
"""

from __future__ import annotations

from ..abi import stack_records as abi
from ..abi.event_layout import EVENTS_MAP
from ..abi.image import MapKind, MapSpec
from ..abi.map_layout import Counter
from ..arch import x86_64 as arch
from ..program.attach import PerfClock, PerfSamples, Watchpoint
from ..program.nodes import ContextKind
from .context import HandlerContext, InternalError, TaskLayout
from .ir import NO_UNROLL, Helper, Module
from .records import NO_WAKEUP

_FRAME_BYTES = 8 * abi.KERNEL_FRAMES
_STACK_OFFSET = abi.REGISTERS_OFFSET + arch.PT_REGS_SIZE
_WALKED_OFFSET = _STACK_OFFSET + abi.USER_BYTES + 8
_MULTIPLIER = abi.MULTIPLIER - (1 << 64)
_LIBRARY_SPAN = 1 << 40
"""How far below the top of the mapped area words count as addresses of libraries."""

_KERNEL = """
define internal i64 @NAME(ptr %context, ptr %buffer, ptr %lost) alwaysinline #0 {
entry:
  %key = alloca i64, align 8
  %frames = getelementptr i8, ptr %buffer, i64 FRAMES
  %got = call i64 GET_STACK(ptr %context, ptr %frames, i32 BYTES, i64 0)
  %size = call i64 asm sideeffect "", "=r,0"(i64 %got)
  %seed = xor i64 %got, RECORD
  %some = icmp sgt i64 %size, 7
  br i1 %some, label %loop, label %none
none:
  ret i64 0
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %h = phi i64 [%seed, %entry], [%product, %loop]
  %at = getelementptr i8, ptr %frames, i64 %i
  %word = load i64, ptr %at, align 8
  %mixed = xor i64 %h, %word
  %high = lshr i64 %mixed, 32
  %folded = xor i64 %mixed, %high
  %product = mul i64 %folded, MULTIPLIER
  %next = add i64 %i, 8
  %more = icmp ult i64 %next, %size
  %inside = icmp ult i64 %next, BYTES
  %again = and i1 %more, %inside
  br i1 %again, label %loop, label %hashed, NO_UNROLL
hashed:
  %number = or i64 %product, 1
  store i64 %number, ptr %key, align 8
  %known = call ptr LOOKUP(ptr SEEN, ptr %key)
  %new = icmp eq ptr %known, null
  br i1 %new, label %send, label %done
send:
  store i32 RECORD, ptr %buffer, align 8
  %group = getelementptr i8, ptr %buffer, i64 4
  store i32 0, ptr %group, align 4
  %place = getelementptr i8, ptr %buffer, i64 8
  store i64 %number, ptr %place, align 8
  %bounded = and i64 %size, 1023
  %length = add i64 %bounded, FRAMES
  %failed = call i64 OUTPUT(ptr EVENTS, ptr %buffer, i64 %length, i64 NO_WAKEUP)
  %sent = icmp eq i64 %failed, 0
  br i1 %sent, label %enter, label %full
enter:
  call i64 UPDATE(ptr SEEN, ptr %key, ptr %key, i64 0)
  br label %done
full:
  atomicrmw add ptr %lost, i64 1 monotonic
  br label %done
done:
  ret i64 %number
}
"""

_REGISTERS_BY_HELPER = """
  %task.typed = call ptr GET_CURRENT_TASK_BTF()
  %registers = call ptr TASK_PT_REGS(ptr %task.typed)
"""
_REGISTERS_BY_PLACE = """
  %at.stack = getelementptr i8, ptr %task, i64 STACK
  call i64 READ_KERNEL(ptr %word, i32 8, ptr %at.stack)
  %stack.start = load i64, ptr %word, align 8
  %registers.at = add i64 %stack.start, REGISTERS_PLACE
  %registers = inttoptr i64 %registers.at to ptr
"""
_TASK = """
  %word = alloca i64, align 8
  store i64 0, ptr %word, align 8
  %task = call ptr GET_CURRENT_TASK()
  %at.mm = getelementptr i8, ptr %task, i64 MM
  call i64 READ_KERNEL(ptr %word, i32 8, ptr %at.mm)
  %mm = load ptr, ptr %word, align 8
  %kernel.thread = icmp eq ptr %mm, null
  br i1 %kernel.thread, label %none, label %process
none:
  ret i64 0
process:
"""
_SPACE = """
  store i64 0, ptr %word, align 8
  %at.exec = getelementptr i8, ptr %task, i64 EXEC_ID
  call i64 READ_KERNEL(ptr %word, i32 4, ptr %at.exec)
  %exec = load i64, ptr %word, align 8
  %exec.high = shl i64 %exec, 32
  %pid.tgid = call i64 GET_CURRENT_PID_TGID()
  %tgid = lshr i64 %pid.tgid, 32
  %space = or i64 %exec.high, %tgid
"""

_ADDRESS = """
define internal i64 @user_address() noinline #0 {
entry:
  %value = alloca i64, align 8
  TASK
  REGISTERS
  %at.ip = getelementptr i8, ptr %registers, i64 IP
  store i64 0, ptr %value, align 8
  call i64 READ_KERNEL(ptr %value, i32 8, ptr %at.ip)
  %ip = load i64, ptr %value, align 8
  ret i64 %ip
}
"""

_ADDRESS_SPACE = """
define internal i64 @address_space(ptr %lost) noinline #0 {
entry:
  %record = alloca [24 x i8], align 8
  TASK
  SPACE
  %number.at = getelementptr i8, ptr %record, i64 8
  store i64 %space, ptr %number.at, align 8
  %known = call ptr LOOKUP(ptr SEEN, ptr %number.at)
  %new = icmp eq ptr %known, null
  br i1 %new, label %send, label %done
send:
  store i32 RECORD, ptr %record, align 8
  %group = getelementptr i8, ptr %record, i64 4
  store i32 0, ptr %group, align 4
  %time.at = getelementptr i8, ptr %record, i64 16
  %time = call i64 KTIME_GET_NS()
  store i64 %time, ptr %time.at, align 8
  %failed = call i64 OUTPUT(ptr EVENTS, ptr %record, i64 24, i64 NO_WAKEUP)
  %sent = icmp eq i64 %failed, 0
  br i1 %sent, label %enter, label %full
enter:
  call i64 UPDATE(ptr SEEN, ptr %number.at, ptr %number.at, i64 0)
  br label %done
full:
  atomicrmw add ptr %lost, i64 1 monotonic
  br label %done
done:
  ret i64 %space
}
"""

# The stack is walked in its copy: %sp, %cfa and %place2 are addresses of the process, what is loaded are words of the
# copy. There are few branches: the verifier goes through all of them for each frame.
_WALK = """
define internal i64 @walk_user(ptr %buffer, ptr %lost, i64 %bytes) noinline #0 {
entry:
  %key = alloca [16 x i8], align 8
  %place = alloca i64, align 8
  %p.space = getelementptr i8, ptr %buffer, i64 SPACE_AT
  %space = load i64, ptr %p.space, align 8
  store i64 %space, ptr %key, align 8
  %key.pc = getelementptr i8, ptr %key, i64 8
  %p.ip = getelementptr i8, ptr %buffer, i64 SAVED_IP
  %ip = load i64, ptr %p.ip, align 8
  %p.sp = getelementptr i8, ptr %buffer, i64 SAVED_SP
  %sp0 = load i64, ptr %p.sp, align 8
  %p.fp = getelementptr i8, ptr %buffer, i64 SAVED_FP
  %bp0 = load i64, ptr %p.fp, align 8
  %stack = getelementptr i8, ptr %buffer, i64 STACK_AT
  %frames = getelementptr i8, ptr %buffer, i64 FRAMES_AT
  store i64 %ip, ptr %frames, align 8
  br label %frame
frame:
  %i = phi i64 [8, %entry], [%next, %went]
  %pc = phi i64 [%ip, %entry], [%marked, %went]
  %sp = phi i64 [%sp0, %entry], [%cfa, %went]
  %bp = phi i64 [%bp0, %entry], [%bp.new, %went]
  %h = phi i64 [%space, %entry], [%product, %went]
  store i64 %pc, ptr %key.pc, align 8
  %rule = call ptr LOOKUP(ptr RULES, ptr %key)
  %unknown = icmp eq ptr %rule, null
  br i1 %unknown, label %no, label %known
known:
  %cfa.by = load i64, ptr %rule, align 8
  %p.bp = getelementptr i8, ptr %rule, i64 8
  %bp.by = load i64, ptr %p.bp, align 8
  %p.bits = getelementptr i8, ptr %rule, i64 16
  %bits = load i64, ptr %p.bits, align 8
  %last = and i64 %bits, NO_CALLER
  %is.last = icmp ne i64 %last, 0
  br i1 %is.last, label %complete, label %find
find:
  %by.fp = and i64 %bits, BASE_IS_FP
  %apart = sub i64 %bp, %sp
  %apart.if = mul i64 %apart, %by.fp
  %base = add i64 %sp, %apart.if
  %cfa.direct = add i64 %base, %cfa.by
  %there = and i64 %bits, CFA_IS_THERE
  %is.there = icmp ne i64 %there, 0
  br i1 %is.there, label %indirect, label %based
indirect:
WORD1
based:
  %cfa = phi i64 [%cfa.direct, %find], [%w1, %in1]
  %saved = and i64 %bits, FP_SAVED
  %is.saved = icmp ne i64 %saved, 0
  br i1 %is.saved, label %restore, label %return
restore:
  %at.fp = lshr i64 %saved, FP_AT_FP_SHIFT
  %apart2 = sub i64 %bp, %cfa
  %apart2.if = mul i64 %apart2, %at.fp
  %base2 = add i64 %cfa, %apart2.if
  %place2 = add i64 %base2, %bp.by
WORD2
return:
  %bp.new = phi i64 [%bp, %based], [%w2, %in2]
  %place3 = sub i64 %cfa, 8
WORD3
went:
  %slot = getelementptr i8, ptr %frames, i64 %i
  store i64 %w3, ptr %slot, align 8
  %marked = or i64 %w3, RETURN_ADDRESS
  %mixed = xor i64 %h, %pc
  %high = lshr i64 %mixed, 32
  %folded = xor i64 %mixed, %high
  %product = mul i64 %folded, MULTIPLIER
  %next = add i64 %i, 8
  %room = icmp ult i64 %next, WALKED_BYTES
  br i1 %room, label %frame, label %no, NO_UNROLL
no:
  ret i64 0
complete:
  %size = call i64 asm sideeffect "", "=r,0"(i64 %i)
  %mixed.last = xor i64 %h, %pc
  %product.last = mul i64 %mixed.last, MULTIPLIER
  %number = or i64 %product.last, 1
  store i64 %number, ptr %place, align 8
  %seen = call ptr LOOKUP(ptr SEEN, ptr %place)
  %new = icmp eq ptr %seen, null
  br i1 %new, label %send, label %done
send:
  %record = getelementptr i8, ptr %buffer, i64 WALKED_AT
  store i32 RECORD, ptr %record, align 8
  %group = getelementptr i8, ptr %record, i64 4
  store i32 0, ptr %group, align 4
  %p.number = getelementptr i8, ptr %record, i64 8
  store i64 %number, ptr %p.number, align 8
  %p.space2 = getelementptr i8, ptr %record, i64 SPACE_AT
  store i64 %space, ptr %p.space2, align 8
  %p.time = getelementptr i8, ptr %record, i64 TIME_AT
  %time = call i64 KTIME_GET_NS()
  store i64 %time, ptr %p.time, align 8
  %bounded = and i64 %size, 1023
  %length = add i64 %bounded, REGISTERS_AT
  %failed = call i64 OUTPUT(ptr EVENTS, ptr %record, i64 %length, i64 NO_WAKEUP)
  %sent = icmp eq i64 %failed, 0
  br i1 %sent, label %enter, label %full
enter:
  call i64 UPDATE(ptr SEEN, ptr %place, ptr %place, i64 0)
  br label %done
full:
  atomicrmw add ptr %lost, i64 1 monotonic
  br label %done
done:
  ret i64 %number
}
"""
_WORD = """
  %from{n} = sub i64 {place}, %sp0
  %offset{n} = call i64 asm sideeffect "", "=r,0"(i64 %from{n})
  %inside{n} = icmp ult i64 %offset{n}, %bytes
  br i1 %inside{n}, label %in{n}, label %no
in{n}:
  %masked{n} = and i64 %offset{n}, 16376
  %at{n} = getelementptr i8, ptr %stack, i64 %masked{n}
  %w{n} = load i64, ptr %at{n}, align 8
  br label %{then}
"""
_WORDS = {
    "WORD1": _WORD.format(n=1, place="%cfa.direct", then="based"),
    "WORD2": _WORD.format(n=2, place="%place2", then="return"),
    "WORD3": _WORD.format(n=3, place="%place3", then="went"),
}

# The size goes through memory, so that the verifier forgets at which word the loop ended: it would go through the walk
# for each. A word is hashed when it lies in the program's code or among the libraries; else 0 in its place. The two
# comparisons are bits made by arithmetic: branches would double what is verified with every word.
_USER = """
define internal i64 @user_stack(ptr %buffer, ptr %lost) noinline #0 {
entry:
  %key = alloca i64, align 8
  TASK
  SPACE
  REGISTERS
  %saved = getelementptr i8, ptr %buffer, i64 SAVED
  %unread = call i64 READ_KERNEL(ptr %saved, i32 SAVED_BYTES, ptr %registers)
  %p.ip = getelementptr i8, ptr %saved, i64 IP
  %ip = load i64, ptr %p.ip, align 8
  %p.sp = getelementptr i8, ptr %saved, i64 SP
  %sp = load i64, ptr %p.sp, align 8
  %p.space = getelementptr i8, ptr %buffer, i64 SPACE_AT
  store i64 %space, ptr %p.space, align 8
  %stack = getelementptr i8, ptr %buffer, i64 STACK_AT
  %at.code = getelementptr i8, ptr %mm, i64 CODE
  call i64 READ_KERNEL(ptr %stack, i32 CODE_BYTES, ptr %at.code)
  %p.start = getelementptr i8, ptr %stack, i64 START_CODE
  %start.code = load i64, ptr %p.start, align 8
  %p.end = getelementptr i8, ptr %stack, i64 END_CODE
  %end.code = load i64, ptr %p.end, align 8
  %p.top = getelementptr i8, ptr %stack, i64 START_STACK
  %top = load i64, ptr %p.top, align 8
  %code.size = sub i64 %end.code, %start.code
  %at.base = getelementptr i8, ptr %mm, i64 MMAP_BASE
  store i64 0, ptr %word, align 8
  call i64 READ_KERNEL(ptr %word, i32 8, ptr %at.base)
  %base = load i64, ptr %word, align 8
  %libraries = sub i64 %base, SPAN
  %at.thread = getelementptr i8, ptr %task, i64 THREAD
  store i64 0, ptr %word, align 8
  call i64 READ_KERNEL(ptr %word, i32 8, ptr %at.thread)
  %thread = load i64, ptr %word, align 8
  %below.top = sub i64 %top, %sp
  %c1 = icmp ult i64 %below.top, MOST
  %n1 = select i1 %c1, i64 %below.top, i64 MOST
  %below.thread = sub i64 %thread, %sp
  %c2 = icmp ult i64 %below.thread, %n1
  %n2 = select i1 %c2, i64 %below.thread, i64 %n1
  %from = inttoptr i64 %sp to ptr
  %n.page = and i64 %sp, 4095
  br label %try0
PIECES
copied:
  %copied.size = phi i64 COPIED_PHI
  %size = call i64 asm sideeffect "", "=r,0"(i64 %copied.size)
  %p.size = getelementptr i8, ptr %buffer, i64 TIME_AT
  store volatile i64 %size, ptr %p.size, align 8
  %seed = xor i64 %ip, %space
  %seeded = mul i64 %seed, MULTIPLIER
  br label %head
head:
  %i = phi i64 [0, %copied], [%next, %loop]
  %h = phi i64 [%seeded, %copied], [%product, %loop]
  %more = icmp ult i64 %i, %size
  %inside = icmp ult i64 %i, MOST
  %again = and i1 %more, %inside
  br i1 %again, label %loop, label %hashed, NO_UNROLL
loop:
  %at = getelementptr i8, ptr %stack, i64 %i
  %w = load i64, ptr %at, align 8
  %d1 = sub i64 %w, %start.code
  %e1 = sub i64 %d1, %code.size
  %f1 = xor i64 %d1, -1
  %g1 = and i64 %e1, %f1
  %d2 = sub i64 %w, %libraries
  %e2 = sub i64 %d2, SPAN
  %f2 = xor i64 %d2, -1
  %g2 = and i64 %e2, %f2
  %g = or i64 %g1, %g2
  %shifted = lshr i64 %g, 63
  %bit = call i64 asm sideeffect "", "=r,0"(i64 %shifted)
  %kept = mul i64 %w, %bit
  %turned = lshr i64 %h, 29
  %folded = xor i64 %h, %turned
  %mixed = xor i64 %folded, %kept
  %product = mul i64 %mixed, MULTIPLIER
  %next = add i64 %i, 8
  br label %head
hashed:
  %number = or i64 %h, 1
  store i64 %number, ptr %key, align 8
  %known = call ptr LOOKUP(ptr SEEN, ptr %key)
  %new = icmp eq ptr %known, null
  br i1 %new, label %walk, label %met
met:
  %stands.for = load i64, ptr %known, align 8
  ret i64 %stands.for
walk:
  %size.again = load volatile i64, ptr %p.size, align 8
  %bounded = and i64 %size.again, 16383
  %walked = call i64 @walk_user(ptr %buffer, ptr %lost, i64 %bounded)
  %unknown = icmp eq i64 %walked, 0
  br i1 %unknown, label %send, label %remember
remember:
  store i64 %walked, ptr %word, align 8
  call i64 UPDATE(ptr SEEN, ptr %key, ptr %word, i64 0)
  ret i64 %walked
send:
  store i32 RECORD, ptr %buffer, align 8
  %group = getelementptr i8, ptr %buffer, i64 4
  store i32 0, ptr %group, align 4
  %place = getelementptr i8, ptr %buffer, i64 8
  store i64 %number, ptr %place, align 8
  %p.time = getelementptr i8, ptr %buffer, i64 TIME_AT
  %time = call i64 KTIME_GET_NS()
  store i64 %time, ptr %p.time, align 8
  %length = add i64 %bounded, STACK_AT
  %failed = call i64 OUTPUT(ptr EVENTS, ptr %buffer, i64 %length, i64 NO_WAKEUP)
  %sent = icmp eq i64 %failed, 0
  br i1 %sent, label %enter, label %full
enter:
  call i64 UPDATE(ptr SEEN, ptr %key, ptr %key, i64 0)
  br label %done
full:
  atomicrmw add ptr %lost, i64 1 monotonic
  br label %done
done:
  ret i64 %number
}
"""

# A read that passes the end of what is mapped fails as a whole, so a shorter one follows, to the end of a page.
_PIECE = """
try{n}:
  %want{n} = {want}
  %hidden{n} = call i64 asm sideeffect "", "=r,0"(i64 %want{n})
  %bytes{n} = and i64 %hidden{n}, 16376
  %bad{n} = call i64 READ_USER(ptr %stack, i64 %bytes{n}, ptr %from)
  %good{n} = icmp eq i64 %bad{n}, 0
  br i1 %good{n}, label %copied, label %try{next}
"""
_PAGE_ENDS = (12288, 8192, 4096)


def _filled(text: str, numbers: dict[str, object]) -> str:
    """Put helpers, maps and numbers in place of the names in capitals."""
    names: dict[str, object] = {helper.name: f"inttoptr (i64 {int(helper)} to ptr)" for helper in Helper}
    names["READ_KERNEL"] = names["PROBE_READ_KERNEL"]
    names["READ_USER"] = names["PROBE_READ_USER"]
    names["LOOKUP"], names["UPDATE"], names["OUTPUT"] = (
        names["MAP_LOOKUP"], names["MAP_UPDATE"], names["RINGBUF_OUTPUT"],
    )  # fmt: skip
    names |= {"MULTIPLIER": _MULTIPLIER, "NO_UNROLL": NO_UNROLL, "NO_WAKEUP": NO_WAKEUP, **numbers}
    import re

    return re.sub(r"\b[A-Z][A-Z_0-9]+\b", lambda found: str(names.get(found[0], found[0])), text)


def stack_number(h: HandlerContext, kind: ContextKind) -> str:
    """Emit the value of a stack, an address space or the user instruction; returns its i64."""
    module, lost = h.module, f"ptr {h.counter(Counter.LOST_EVENTS)}"
    match kind:
        case ContextKind.KERNEL_STACK:
            buffer = h.temporaries.scratch(abi.FRAMES_OFFSET + _FRAME_BYTES)
            arguments = f"ptr %context, ptr {buffer}, {lost}"
            function = _kernel_stack(module, isinstance(h.handler.attach, PerfClock | PerfSamples | Watchpoint))
            return h.code.value("stack", f"call i64 {function}({arguments})")
        case ContextKind.USER_STACK:
            buffer = h.temporaries.scratch(_WALKED_OFFSET + abi.REGISTERS_OFFSET + 8 * abi.WALKED_FRAMES)
            module.map(abi.RULES_MAP)
            _user_function(h, "walk_user", _WALK, abi.WALKED_STACK)
            function = _user_function(h, "user_stack", _USER, abi.USER_STACK)
            return h.code.value("stack", f"call i64 {function}(ptr {buffer}, {lost})")
        case ContextKind.ADDRESS_SPACE:
            function = _user_function(h, "address_space", _ADDRESS_SPACE, abi.ADDRESS_SPACE)
            return h.code.value("space", f"call i64 {function}({lost})")
        case ContextKind.USER_ADDRESS:
            return h.code.value("ip", f"call i64 {_user_function(h, 'user_address', _ADDRESS, 0)}()")
        case _:
            raise InternalError(f"{kind.value} is no stack")


def _kernel_stack(module: Module, interrupts: bool) -> str:
    name = "interrupted_stack" if interrupts else "kernel_stack"
    numbers: dict[str, object] = {
        "FRAMES": abi.FRAMES_OFFSET, "BYTES": _FRAME_BYTES, "NAME": name,
        "RECORD": abi.INTERRUPTED_STACK if interrupts else abi.KERNEL_STACK,
        "SEEN": module.map(abi.SEEN_MAP), "EVENTS": module.map(EVENTS_MAP),
    }  # fmt: skip
    return module.function(name, _filled(_KERNEL, numbers))


def _user_function(h: HandlerContext, name: str, text: str, record: int) -> str:
    module, task = h.module, h.shared.facts.task
    if task is None:
        raise InternalError("user stacks without the layout of a task")
    if name in module.functions:
        return "@" + name
    if "SEEN" in text:
        module.map(abi.USER_MAP)
        module.map(EVENTS_MAP)
    registers = _REGISTERS_BY_HELPER if task.has_registers_helper else _REGISTERS_BY_PLACE
    pieces, phi = _pieces()
    parts = {"TASK": _TASK, "SPACE": _SPACE, "REGISTERS": registers, "PIECES": pieces, **_WORDS}
    for part, its in parts.items():
        text = "\n".join(its if line.strip() == part else line for line in text.split("\n"))
    numbers = _numbers(task) | {"RECORD": record, "COPIED_PHI": phi}
    return module.function(name, _filled(text, numbers))


def _pieces() -> tuple[str, str]:
    wanted = ["add i64 %n2, 0", *(f"sub i64 {end}, %n.page" for end in _PAGE_ENDS)]
    text = "".join(_PIECE.format(n=n, want=want, next=n + 1) for n, want in enumerate(wanted))
    last = len(wanted)
    text += f"try{last}:\n  br label %copied\n"
    return text, ", ".join([*(f"[%bytes{n}, %try{n}]" for n in range(last)), f"[0, %try{last}]"])


def _numbers(task: TaskLayout) -> dict[str, object]:
    code = (task.start_code, task.end_code, task.start_stack)
    first = min(code)
    registers = arch.PT_REGS_OFFSETS
    return {
        "MM": task.mm, "EXEC_ID": task.exec_id, "STACK": task.stack, "THREAD": task.thread_pointer, "CODE": first,
        "CODE_BYTES": max(code) + 8 - first, "START_CODE": task.start_code - first, "END_CODE": task.end_code - first,
        "START_STACK": task.start_stack - first, "MMAP_BASE": task.mmap_base,
        "REGISTERS_PLACE": arch.KERNEL_STACK_SIZE - arch.PT_REGS_SIZE, "SAVED": abi.REGISTERS_OFFSET,
        "SAVED_BYTES": arch.PT_REGS_SIZE, "STACK_AT": _STACK_OFFSET, "SPACE_AT": abi.SPACE_OFFSET,
        "TIME_AT": abi.TIME_OFFSET, "IP": registers[arch.INSTRUCTION_POINTER], "SP": registers[arch.STACK_POINTER],
        "SAVED_IP": abi.REGISTERS_OFFSET + registers[arch.INSTRUCTION_POINTER],
        "SAVED_SP": abi.REGISTERS_OFFSET + registers[arch.STACK_POINTER],
        "SAVED_FP": abi.REGISTERS_OFFSET + registers[arch.FRAME_POINTER],
        "FRAMES_AT": _WALKED_OFFSET + abi.REGISTERS_OFFSET,
        "RULES": "@" + abi.RULES_MAP, "REGISTERS_AT": abi.REGISTERS_OFFSET,
        "WALKED_AT": _WALKED_OFFSET, "WALKED_BYTES": 8 * abi.WALKED_FRAMES,
        "NO_CALLER": abi.NO_CALLER, "BASE_IS_FP": abi.BASE_IS_FP, "CFA_IS_THERE": abi.CFA_IS_THERE,
        "FP_SAVED": abi.FP_AT_CFA | abi.FP_AT_FP, "FP_AT_FP_SHIFT": abi.FP_AT_FP.bit_length() - 1,
        "RETURN_ADDRESS": abi.RETURN_ADDRESS - (1 << 64), "SPAN": _LIBRARY_SPAN, "MOST": abi.USER_BYTES,
        "SEEN": "@" + abi.USER_MAP, "EVENTS": "@" + EVENTS_MAP,
    }  # fmt: skip


def stack_maps(used: set[str]) -> list[MapSpec]:
    """Return the maps of numbers that were met, where programs use them."""
    names = [name for name in (abi.SEEN_MAP, abi.USER_MAP) if name in used]
    maps = [MapSpec(name, MapKind.LRU_HASH, 8, 8, abi.SEEN_ENTRIES) for name in names]
    if abi.RULES_MAP in used:
        maps.append(MapSpec(abi.RULES_MAP, MapKind.LRU_HASH, 16, 24, abi.RULES_ENTRIES))
    return maps
