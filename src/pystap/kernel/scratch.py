"""Memory for temporaries: a little on the stack, the rest in a scratch slot.

A BPF program has 512 bytes of stack for itself and all it calls, and may be preempted or interrupted by another one on
the same CPU, so larger buffers lie in map memory that the handler claims for its run. The map `scratch` has SLOTS
values for each CPU:

    0    u64  1 while a handler uses the slot (without exchange operations, in the CPU's first slot: how many are used)
    8    u64  the number of the slot over all CPUs + 1: the key of the handler run's event group
    16   ...  memory
"""

from __future__ import annotations

from ..records import dataclass, field
from .ir import SCRATCH, Code, Helper, Module

SCRATCH_MAP = "scratch"
SLOTS = 6
GROUP_KEY_OFFSET = 8
MEMORY_OFFSET = 16
POINTER = "%scratch"

_STACK_BYTES = 200
_LARGEST_ON_STACK = 64


@dataclass(slots=True)
class Temporaries:
    """Hands out 8-byte aligned buffers; `mark` and `release` bracket the time that those of a statement are needed.

    `stack_bytes` and `scratch_bytes` say how much was ever needed.
    """

    code: Code
    stack_bytes: int = 0
    scratch_bytes: int = 0
    is_claimed: bool = False
    _used: int = 0
    _free: dict[int, list[str]] = field(default_factory=dict)
    _taken: list[tuple[int, str]] = field(default_factory=list)

    def buffer(self, size: int) -> str:
        """Return a buffer of `size` bytes, a multiple of 8, with any content."""
        if size <= _LARGEST_ON_STACK:
            free = self._free.setdefault(size, [])
            if free:
                return self._take(size, free.pop())
            if self.stack_bytes + size <= _STACK_BYTES:
                self.stack_bytes += size
                return self._take(size, self.code.alloca("buffer", f"[{size} x i8]"))
        return self.scratch(size)

    def scratch(self, size: int) -> str:
        """Return a buffer in map memory, where helpers may write at variable offsets."""
        start = MEMORY_OFFSET + self._used
        self._used += (size + 7) & ~7
        self.scratch_bytes = max(self.scratch_bytes, self._used)
        self.is_claimed = True
        return f"{SCRATCH}{start}"

    def claim(self) -> None:
        """Make the handler claim a slot although it needs no memory in it."""
        self.is_claimed = True

    def _take(self, size: int, name: str) -> str:
        self._taken.append((size, name))
        return name

    def mark(self) -> tuple[int, int]:
        return self._used, len(self._taken)

    def release(self, mark: tuple[int, int]) -> None:
        """Give back all buffers handed out since `mark`."""
        self._used, count = mark
        while len(self._taken) > count:
            size, name = self._taken.pop()
            self._free[size].append(name)


def claim_function(module: Module, possible_cpus: int, atomics: bool) -> str:
    """Return the function that claims a slot of the current CPU; it gives null when all are in use."""
    scratch = module.map(SCRATCH_MAP)
    code = Code()
    index_place = code.alloca("index", "i32")
    cpu = code.helper("cpu", Helper.GET_CPU, "")
    first = code.value("first", f"mul i64 {cpu}, {SLOTS}")
    start = code.value("start", "add i64 0, 0")
    if not atomics:
        start = _count_up(code, scratch, first, index_place)
    loop, test, claimed, again, none = (code.name(n) for n in ("loop", "test", "claimed", "again", "none"))
    before = code.name("before")
    code.begin(before)
    code.begin(loop)
    slot, advanced = "%" + code.name("slot"), "%" + code.name("advanced")
    code.line(f"{slot} = phi i64 [{start}, %{before}], [{advanced}, %{again}]")
    index = code.value("number", f"add i64 {first}, {slot}")
    code.line(f"store i32 {code.value('low', f'trunc i64 {index} to i32')}, ptr {index_place}")
    memory = code.helper("memory", Helper.MAP_LOOKUP, f"ptr {scratch}, ptr {index_place}", "ptr")
    code.branch(code.is_null(memory), none, test)
    code.begin(test)
    if atomics:
        old = code.value("old", f"atomicrmw xchg ptr {memory}, i64 1 seq_cst")
        code.branch(code.value("free", f"icmp eq i64 {old}, 0"), claimed, again)
    else:
        code.jump(claimed)
    code.begin(claimed)
    key = code.value("key", f"add i64 {index}, 1")
    code.store(key, code.offset(memory, GROUP_KEY_OFFSET))
    code.ret(f"ptr {memory}")
    code.begin(again)
    code.line(f"{advanced} = add i64 {slot}, 1")
    more = code.value("more", f"icmp ult i64 {advanced}, {SLOTS}")
    code.repeat(more, loop, none)
    code.begin(none)
    code.ret("ptr null")
    return module.function("claim_scratch", code.function("internal ptr @claim_scratch() noinline"))


def _count_up(code: Code, scratch: str, first: str, index_place: str) -> str:
    """Without exchange: programs nest on a CPU and end in turn there, so a counter says which slot is free."""
    found, full, free = code.name("found"), code.name("full"), code.name("free")
    code.line(f"store i32 {code.value('low', f'trunc i64 {first} to i32')}, ptr {index_place}")
    memory = code.helper("memory", Helper.MAP_LOOKUP, f"ptr {scratch}, ptr {index_place}", "ptr")
    code.branch(code.is_null(memory), full, found)
    code.begin(full)
    code.ret("ptr null")
    code.begin(found)
    used = code.opaque(code.load("used", memory))
    code.branch(code.value("room", f"icmp ult i64 {used}, {SLOTS}"), free, full)
    code.begin(free)
    code.store(code.value("more", f"add i64 {used}, 1"), memory)
    return used


def release_slot(code: Code, module: Module, atomics: bool) -> None:
    """Give the claimed slot back."""
    if atomics:
        code.line(f"store volatile i64 0, ptr {POINTER}, align 8")
        return
    scratch = module.map(SCRATCH_MAP)
    helper = Code()
    place = helper.alloca("index", "i32")
    cpu = helper.helper("cpu", Helper.GET_CPU, "")
    first = helper.value("first", f"mul i64 {cpu}, {SLOTS}")
    helper.line(f"store i32 {helper.value('low', f'trunc i64 {first} to i32')}, ptr {place}")
    memory = helper.helper("memory", Helper.MAP_LOOKUP, f"ptr {scratch}, ptr {place}", "ptr")
    found, end = helper.name("found"), helper.name("end")
    helper.branch(helper.is_null(memory), end, found)
    helper.begin(found)
    helper.add_atomically(memory, "-1")
    helper.begin(end)
    helper.ret("i64 0")
    name = module.function("release_scratch", helper.function("internal i64 @release_scratch() noinline"))
    code.line(f"call i64 {name}()")
