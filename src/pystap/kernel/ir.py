"""A small builder of LLVM IR as text: fresh names, basic blocks, allocas in the entry block, calls of BPF helpers.

    code.branch(code.value("zero", "icmp eq i64 %a, 0"), yes, no)   ->   %zero.1 = icmp eq i64 %a, 0
                                                                         br i1 %zero.1, label %yes.2, label %no.3

Values and labels are their text in IR; labels are written without `%`. Nothing is checked here: LLVM's verifier does.
"""

from __future__ import annotations

from ..abi.map_layout import CONTROL_MAP
from ..lean import IntEnum, Sequence
from ..records import dataclass, field

NO_UNROLL = "!llvm.loop !0"
"""Ends the back edge of a loop that must stay one: unrolled code is verified no faster and costs instructions."""

SCRATCH = "$scratch+"
"""`$scratch+N`, written where an address is expected, is byte N of the handler's scratch slot."""
SCRATCH_PLACE = "%scratch.place"
"""The stack variable that holds the slot's address."""


class Helper(IntEnum):
    """BPF helpers by number (the kernel's include/uapi/linux/bpf.h)."""

    MAP_LOOKUP = 1
    MAP_UPDATE = 2
    MAP_DELETE = 3
    KTIME_GET_NS = 5
    GET_CPU = 8
    GET_CURRENT_PID_TGID = 14
    GET_CURRENT_TASK = 35
    PERF_EVENT_READ_VALUE = 55
    GET_STACK = 67
    MAP_PUSH = 87
    MAP_POP = 88
    PROBE_READ_USER = 112
    PROBE_READ_KERNEL = 113
    PROBE_READ_USER_STR = 114
    PROBE_READ_KERNEL_STR = 115
    RINGBUF_OUTPUT = 130
    RINGBUF_RESERVE = 131
    RINGBUF_SUBMIT = 132
    RINGBUF_DISCARD = 133
    COPY_FROM_USER = 148
    GET_CURRENT_TASK_BTF = 158
    GET_ATTACH_COOKIE = 174
    TASK_PT_REGS = 175
    LOOP = 181


def helper_call(helper: Helper, result: str, arguments: str) -> str:
    """Return the text of a call. `nomerge`: a call with two maps as alternatives is slower and refused in places."""
    return f"call {result} inttoptr (i64 {int(helper)} to ptr)({arguments}) nomerge"


def byte_offset(pointer: str, offset: int) -> str:
    """Return a constant expression for the address `offset` bytes behind a global symbol."""
    return f"getelementptr (i8, ptr {pointer}, i64 {offset})" if offset else pointer


class Code:
    """The instructions of one function, block by block. What is emitted behind a terminator is dead, and harmless."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._allocas: list[str] = []
        self._on_stack: set[str] = set()
        self._count = 0
        self._open = True

    @property
    def is_open(self) -> bool:
        """Whether the current block still lacks its terminator."""
        return self._open

    def name(self, hint: str) -> str:
        """Return a name that no other value or label of this function has."""
        self._count += 1
        return f"{hint}.{self._count}"

    def line(self, text: str) -> None:
        """Emit an instruction without a result."""
        if not self._open:
            self.begin(self.name("dead"))
        if SCRATCH in text:
            text = self._with_addresses(text)
        self._lines.append("  " + text)

    def _with_addresses(self, text: str) -> str:
        """Put the address in place of `$scratch+N`, by a load of its own for each use.

        Were it one value, LLVM would keep the address of every buffer, and would keep most of them on the stack.
        """
        before, _, rest = text.partition(SCRATCH)
        end = 0
        while end < len(rest) and rest[end].isdigit():
            end += 1
        base, address = "%" + self.name("base"), "%" + self.name("address")
        self._lines.append(f"  {base} = load volatile ptr, ptr {SCRATCH_PLACE}, align 8")
        self._lines.append(f"  {address} = getelementptr i8, ptr {base}, i64 {rest[:end]}")
        behind = rest[end:]
        return before + address + (self._with_addresses(behind) if SCRATCH in behind else behind)

    def value(self, hint: str, text: str) -> str:
        """Emit an instruction and return its result's name."""
        result = "%" + self.name(hint)
        self.line(f"{result} = {text}")
        return result

    def begin(self, label: str) -> None:
        """Start the block `label`; the block before runs into it."""
        if self._open:
            self._lines.append(f"  br label %{label}")
        self._lines.append(f"{label}:")
        self._open = True

    def jump(self, label: str) -> None:
        self._terminate(f"br label %{label}")

    def branch(self, condition: str, yes: str, no: str) -> None:
        self._terminate(f"br i1 {condition}, label %{yes}, label %{no}")

    def repeat(self, condition: str, again: str, done: str) -> None:
        """End a loop's body: back to the block `again` while the condition holds."""
        self._terminate(f"br i1 {condition}, label %{again}, label %{done}, {NO_UNROLL}")

    def switch(self, value: str, default: str, cases: Sequence[tuple[int, str]]) -> None:
        rows = " ".join(f"i64 {number}, label %{label}" for number, label in cases)
        self._terminate(f"switch i64 {value}, label %{default} [{rows}]")

    def ret(self, value: str = "void") -> None:
        self._terminate(f"ret {value}")

    def _terminate(self, text: str) -> None:
        """End the block; a terminator behind another one is dropped."""
        if not self._open:
            return
        self.line(text)
        self._open = False

    def alloca(self, hint: str, kind: str) -> str:
        """Return a stack variable of the type `kind`, 8-byte aligned, made in the entry block."""
        result = "%" + self.name(hint)
        self._allocas.append(f"  {result} = alloca {kind}, align 8")
        self._on_stack.add(result)
        return result

    def place_scratch(self, pointer: str) -> None:
        """Make the variable that `$scratch+N` refers to."""
        self._allocas.append(f"  {SCRATCH_PLACE} = alloca ptr, align 8")
        self.line(f"store ptr {pointer}, ptr {SCRATCH_PLACE}, align 8")

    def load(self, hint: str, pointer: str) -> str:
        return self.value(hint, f"load i64, ptr {pointer}, align 8")

    def store(self, value: str, pointer: str) -> None:
        self.line(f"store i64 {value}, ptr {pointer}, align 8")

    def offset(self, pointer: str, offset: int | str) -> str:
        """Return `pointer` moved by bytes, a number or an i64 value."""
        if offset in (0, "0"):
            return pointer
        if isinstance(offset, int) and pointer.startswith("@"):
            return byte_offset(pointer, offset)
        if isinstance(offset, int) and pointer.startswith(SCRATCH):
            return f"{SCRATCH}{int(pointer[len(SCRATCH) :]) + offset}"
        return self.value("at", f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def helper(self, hint: str, helper: Helper, arguments: str, result: str = "i64") -> str:
        return self.value(hint, helper_call(helper, result, arguments))

    def add_atomically(self, pointer: str, value: str) -> None:
        """Add without using the result: the one atomic operation that every kernel has.

        LLVM must not see what is added: it makes an atomic `or` of adding nothing, which is from Linux 5.12 on.
        """
        if value in ("0", "-0") or not value.lstrip("-").isdigit():
            value = self.opaque(value)
        self.line(f"atomicrmw add ptr {pointer}, i64 {value} monotonic")

    def is_null(self, pointer: str) -> str:
        return self.value("none", f"icmp eq ptr {pointer}, null")

    def opaque(self, value: str) -> str:
        """Return the value as one that LLVM knows nothing about, so that a range check behind it stays as written."""
        return self.value("opaque", f'call i64 asm sideeffect "", "=r,0"(i64 {value})')

    def unknown(self, value: str) -> str:
        """Return the value as one that the kernel's verifier knows nothing about (it follows no swapping of bytes)."""
        swapped = self.opaque(self.value("swapped", f"call i64 @llvm.bswap.i64(i64 {value})"))
        return self.value("unknown", f"call i64 @llvm.bswap.i64(i64 {swapped})")

    def copy(self, destination: str, source: str, size: int) -> None:
        """Copy `size` bytes, a multiple of 8, between 8-byte aligned buffers that are the same or do not overlap."""
        for start in range(0, size, 1024):
            count = min(1024, size - start)
            to, of = self.offset(destination, start), self.offset(source, start)
            self.line(f"call void @llvm.memcpy.p0.p0.i64(ptr align 8 {to}, ptr align 8 {of}, i64 {count}, i1 false)")

    def zero(self, destination: str, size: int) -> None:
        """Clear `size` bytes, a multiple of 8.

        Volatile but on the stack: LLVM merges adjacent ones, and past 1024 bytes its back end cannot make them.
        """
        flag = "false" if destination in self._on_stack else "true"
        for start in range(0, size, 1024):
            count = min(1024, size - start)
            to = self.offset(destination, start)
            self.line(f"call void @llvm.memset.p0.i64(ptr align 8 {to}, i8 0, i64 {count}, i1 {flag})")

    def take(self) -> list[str]:
        """Return the lines so far and start over with none; names stay unique, allocas stay."""
        lines, self._lines, self._open = self._lines, [], True
        return lines

    def append(self, lines: Sequence[str]) -> None:
        """Put back what `take` returned: complete blocks, behind what was emitted since."""
        self._lines.extend(lines)
        self._open = False

    def function(self, header: str, section: str = "") -> str:
        """Return the whole function definition; programs have a section of their own."""
        place = f' section "{section}"' if section else ""
        return "\n".join([f"define {header} #0{place} {{", "entry:", *self._allocas, *self._lines, "}"])


def padded_bytes(data: bytes) -> str:
    """Return an LLVM `c"..."` constant."""
    return 'c"' + "".join(chr(b) if 32 <= b < 127 and b not in (34, 92) else f"\\{b:02X}" for b in data) + '"'


def _inlined(text: str) -> str:
    """Return functions as ones that must be inlined where they are called; programs are called by nobody."""

    def header(line: str) -> str:
        if not line.startswith("define internal ") or " alwaysinline " in line:
            return line
        return line.replace(" noinline ", " ").replace(" #0 ", " alwaysinline #0 ")

    return "\n".join(map(header, text.splitlines()))


@dataclass
class Module:
    """What the functions of one object share: maps, constant data, functions by name.

    With `inlines` LLVM puts the body of each function where it is called, but for those that must stay.
    """

    inlines: bool = False
    maps: set[str] = field(default_factory=set)
    functions: dict[str, str] = field(default_factory=dict)
    _constants: dict[bytes, str] = field(default_factory=dict)

    def map(self, name: str) -> str:
        """Return the symbol of a map."""
        self.maps.add(name)
        return "@" + name

    def constant(self, data: bytes) -> str:
        """Return the symbol of constant bytes; the same bytes are kept once."""
        if data not in self._constants:
            self._constants[data] = f"@constant.{len(self._constants)}"
        return self._constants[data]

    def function(self, name: str, text: str, stays: bool = False) -> str:
        """Add a function, once for each name; returns its symbol."""
        if name not in self.functions:
            self.functions[name] = _inlined(text) if self.inlines and not stays else text
        return "@" + name

    def text(self) -> str:
        """Return the module as LLVM assembly."""
        self.maps.add(CONTROL_MAP)
        out = [f'@{name} = external global [0 x i8], section ".maps", align 8' for name in sorted(self.maps)]
        out += [
            f"{symbol} = internal constant [{len(data)} x i8] {padded_bytes(data)}, align 8"
            for data, symbol in self._constants.items()
        ]
        declared = {
            "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
            "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
            "declare i64 @llvm.ctlz.i64(i64, i1)",
            "declare i64 @llvm.bswap.i64(i64)",
        }
        for text in self.functions.values():
            lines = text.splitlines()
            declared.update(line.strip() for line in lines if line.startswith("declare "))
            out.append("\n".join(line for line in lines if not line.startswith("declare ")))
        out += [
            *sorted(declared),
            'attributes #0 = { nounwind "no-builtins" }',
            "!0 = distinct !{!0, !1}",
            '!1 = !{!"llvm.loop.unroll.disable"}',
        ]
        return "\n\n".join(out) + "\n"
