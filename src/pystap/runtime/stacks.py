"""The stacks that kernel programs have sent (abi/stack_records.py), by their numbers."""

from __future__ import annotations

from struct import Struct, unpack_from
from time import monotonic_ns

from ..abi import stack_records as abi
from ..arch.x86_64 import PT_REGS_SIZE
from ..lean import TYPE_CHECKING, Any, Callable, Sequence

if TYPE_CHECKING:
    from .address_spaces import AddressSpaces, ProgramImage

_NUMBER = Struct("=q")
_SPACE = Struct("=qQ")
_RULE_KEY = Struct("=qQ")
_RULE = Struct("=qqq")
_STACK = abi.REGISTERS_OFFSET + PT_REGS_SIZE
_MACHINERY = (
    "bpf_prog_", "bpf_trace_run", "bpf_trampoline_", "bpf_dispatcher_", "bpf_get_stack", "__bpf_trace_", "__traceiter_",
    "__bpf_prog_", "perf_trace_", "perf_callchain", "get_perf_callchain", "__bpf_tramp", "bpf_tramp", "bpf_overflow",
    "__perf_event_overflow", "perf_swevent_hrtimer", "kprobe_multi_link_", "fprobe_", "trace_call_bpf",
)  # fmt: skip
"""How the names of functions begin that lie between a probe point and the program that it runs."""
_MOST_MACHINERY = 12

Symbols = Callable[[int], tuple[str, int, int, str] | None]


class Stacks:
    """Stacks by number. Numbers are as programs have them, signed."""

    def __init__(self) -> None:
        self.spaces: AddressSpaces | None = None
        self._user: dict[int, tuple[Sequence[int], ProgramImage | None]] = {0: ((), None)}
        self._times: dict[int, int] = {}
        self._taught: dict[bytes, bool] = {}
        self.teach: Callable[[str, bytes, bytes], object] | None = None
        """Enters a key and a value into a map of the programs."""
        self._raw_kernel: dict[int, Sequence[int]] = {}
        self._kernel: dict[int, Sequence[int]] = {0: ()}
        self.look_ahead: Callable[[], object] = lambda: None
        """Takes what has been sent and not read yet."""

    def take(self, kind: int, record: bytes) -> None:
        """Keep what a record brings."""
        (number,) = _NUMBER.unpack_from(record, abi.NUMBER_OFFSET)
        if kind in (abi.KERNEL_STACK, abi.INTERRUPTED_STACK):
            count = (len(record) - abi.FRAMES_OFFSET) // 8
            addresses = unpack_from(f"={count}Q", record, abi.FRAMES_OFFSET)
            known = self._raw_kernel if kind == abi.KERNEL_STACK else self._kernel
            known.setdefault(number, addresses)
        elif kind == abi.USER_STACK:
            if number not in self._user:
                self._user[number] = self._walked(number, record)
        elif kind == abi.WALKED_STACK:
            if number not in self._user:
                space, time = _SPACE.unpack_from(record, abi.SPACE_OFFSET)
                self._times.setdefault(space, time)
                count = (len(record) - abi.REGISTERS_OFFSET) // 8
                frames = unpack_from(f"={count}Q", record, abi.REGISTERS_OFFSET)
                self._user[number] = frames, self._image(space, time)
        elif number not in self._times:
            self._times[number] = _NUMBER.unpack_from(record, abi.SPACE_TIME_OFFSET)[0]

    def _walked(self, number: int, record: bytes) -> tuple[Sequence[int], ProgramImage | None]:
        """Return the addresses of a user stack, and what was mapped in its process."""
        from ..debuginfo.unwind import walk

        used: list[Any] = []
        space, time = _SPACE.unpack_from(record, abi.SPACE_OFFSET)
        image = self._image(space, time)
        self._times.setdefault(space, time)
        memory = memoryview(record)
        frames = walk(record[abi.REGISTERS_OFFSET : _STACK], memory[_STACK:], image.code, used)
        if self.teach is not None:
            self._learn(space, used, self.teach)
            if len(used) == len(frames) <= abi.WALKED_FRAMES and all(map(self._taught.get, self._keys(space, used))):
                same = abi.walked_number(space, frames)
                self.teach(abi.USER_MAP, _NUMBER.pack(number), _NUMBER.pack(same))
                self._user.setdefault(same, (frames, image))
        return frames, image

    @staticmethod
    def _keys(space: int, used: list[Any]) -> list[bytes]:
        return [_RULE_KEY.pack(space, pc | abi.RETURN_ADDRESS if called else pc) for pc, called, _ in used]

    def _learn(self, space: int, used: list[Any], teach: Callable[[str, bytes, bytes], object]) -> None:
        """Tell programs how to find the callers of these addresses, so that they can walk such stacks themselves."""
        from ..debuginfo.unwind import simple_rule

        for key, (_, _, rule) in zip(self._keys(space, used), used, strict=True):
            if key in self._taught:
                continue
            simple = simple_rule(rule)
            self._taught[key] = simple is not None
            if simple is not None:
                teach(abi.RULES_MAP, key, _rule_bytes(*simple))

    def _image(self, space: int, time: int) -> ProgramImage:
        if self.spaces is None:
            from .address_spaces import AddressSpaces

            self.spaces = AddressSpaces()
        return self.spaces.image(space & 0xFFFF_FFFF, time)

    def user(self, number: int) -> tuple[Sequence[int], ProgramImage | None]:
        """Return the addresses of a user stack and what was mapped; none for a stack that never came."""
        if number not in self._user:
            self.look_ahead()
        return self._user.get(number, ((), None))

    def space(self, number: int) -> ProgramImage | None:
        """Return what was mapped in an address space; None for a kernel thread's."""
        if not number:
            return None
        if number not in self._times:
            self.look_ahead()
        return self._image(number, self._times.get(number, monotonic_ns()))

    def close(self) -> None:
        if self.spaces is not None:
            self.spaces.close()

    def kernel(self, number: int, symbol: Symbols) -> Sequence[int]:
        """Return the addresses of a kernel stack from the probe point on; none for a stack that never came."""
        known = self._kernel.get(number)
        if known is None:
            if number not in self._raw_kernel:
                self.look_ahead()
                if number not in self._raw_kernel:
                    return self._kernel.get(number, ())
            known = self._kernel[number] = _from_probe_point(self._raw_kernel[number], symbol)
        return known


def _rule_bytes(
    cfa: int, fp: int, by_fp: bool, stored: bool, is_saved: int | None, from_fp: bool, is_last: bool
) -> bytes:
    """Return a rule of debuginfo.unwind.simple_rule as programs read it."""
    bits = abi.BASE_IS_FP * by_fp | abi.CFA_IS_THERE * stored | abi.NO_CALLER * is_last
    if is_saved is not None:
        bits |= abi.FP_AT_FP if from_fp else abi.FP_AT_CFA
    return _RULE.pack(cfa, fp, bits)


def _from_probe_point(addresses: Sequence[int], symbol: Symbols) -> Sequence[int]:
    """Leave out the frames of the program itself and of what called it."""
    start = 0
    for index, address in enumerate(addresses[:_MOST_MACHINERY]):
        found = symbol(address)
        if found is not None and found[0].startswith(_MACHINERY):
            start = index + 1
    return addresses[start:]
