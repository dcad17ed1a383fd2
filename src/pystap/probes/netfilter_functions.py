"""Packets at the hooks of netfilter by the kernel functions through which they come there.

For kernels without netfilter programs (before 6.4). The functions are passed whether or not anything hangs at the hook,
and before all that does: rules of any priority come later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Protocol

from ..diagnostics import semantic_error
from ..program import nodes as n
from ..program.attach import FunctionPoint, KernelFunctions
from ..program.c_types import CType, CValue
from ..program.extension import TargetSource
from ..program.types import Type
from ..records import dataclass
from ..source import Span

_FUNCTIONS: dict[tuple[int, int], tuple[tuple[str, ...], int]] = {
    (2, 0): (("ip_rcv_core",), 0), (2, 1): (("ip_local_deliver",), 0), (2, 2): (("ip_forward",), 0),
    (2, 3): (("__ip_local_out",), 2), (2, 4): (("ip_output", "ip_mc_output"), 2),
    (10, 0): (("ip6_rcv_core",), 0), (10, 1): (("ip6_input",), 0), (10, 2): (("ip6_forward",), 0),
    (10, 3): (("__ip6_local_out",), 2), (10, 4): (("ip6_output",), 2),
}  # fmt: skip
"""By protocol family and hook the functions that pass packets to the hook, and which argument is the packet."""
_WITHOUT_INPUT = (3,)
_WITH_OUTPUT = (2, 3, 4)
"""Hooks that packets come to without the device that they came in by, and with the one that they leave by."""
_REFERENCE_BIT = 1
"""SKB_DST_NOREF of include/linux/skbuff.h: may be set in the pointer to where a packet goes."""


class NamedTypes(Protocol):
    """What type information knows of names."""

    def named_type(self, name: str, module: str | None = None) -> CType: ...


class KnownFunctions(Protocol):
    """Whether the kernel has a function."""

    def exact(self, name: str, module: str) -> str: ...


@dataclass(frozen=True, slots=True)
class ByFunctions:
    """`refusal` gives "" where functions can be probed, else why not; `point` gives the entry of a function."""

    types: Callable[[], NamedTypes]
    functions: Callable[[], KnownFunctions]
    point: Callable[[str], FunctionPoint]
    refusal: Callable[[], str]

    def _present(self, family: int, hook: int) -> list[str]:
        return [name for name in _FUNCTIONS[family, hook][0] if self.functions().exact(name, "")]

    def missing(self, family: int, hook: int) -> str:
        """Return which function of a hook the kernel lacks, "" when it has one."""
        return "" if self._present(family, hook) else f"it has no function {_FUNCTIONS[family, hook][0][0]}"

    def attach(self, family: int, hook: int) -> KernelFunctions:
        return KernelFunctions(tuple(map(self.point, self._present(family, hook))), False)

    def targets(self, family: int, hook: int, why: str) -> dict[str, TargetSource]:
        """Return the packet and its devices; `why` says why there is no verdict."""
        packet = self.types().named_type("struct sk_buff *")
        index = _FUNCTIONS[family, hook][1]

        def word(span: Span) -> n.Expression:
            return n.ContextValue(n.ContextKind.ARGUMENT, index, span=span, type=Type.LONG)

        def no_state(span: Span) -> NoReturn:
            message = f"no state and no verdict without netfilter programs: {why}"
            semantic_error(message, span, "expression")

        def no_verdict(value: n.Expression, appends: bool, span: Span) -> NoReturn:
            no_state(span)

        def arrived(span: Span) -> n.Expression:
            return _followed(packet, "dev", word(span), span)

        def leaves(span: Span) -> n.Expression:
            reference = _followed(packet, "_skb_refdst", word(span), span)
            bits = n.Constant(~_REFERENCE_BIT, span=span, type=Type.LONG)
            entry = n.Binary("&", reference, bits, span=span, type=Type.LONG)
            return _followed(self.types().named_type("struct dst_entry *"), "dev", entry, span)

        def none(span: Span) -> n.Expression:
            return n.Constant(0, span=span, type=Type.LONG)

        device = self.types().named_type("struct net_device *")

        def of_device(value: Callable[[Span], n.Expression]) -> TargetSource:
            return TargetSource(lambda span: CValue(value(span), device), device)

        return {
            "$skb": TargetSource(lambda span: CValue(word(span), packet), packet),
            "$in": of_device(none if hook in _WITHOUT_INPUT else arrived),
            "$out": of_device(leaves if hook in _WITH_OUTPUT else none),
            "$state": TargetSource(no_state, is_listed=False),
            "$verdict": TargetSource(no_state, is_listed=False, assign=no_verdict),
        }


def _followed(pointer: CType, member: str, address: n.Expression, span: Span) -> n.Expression:
    """Return the pointer that a member of a struct at an address is."""
    assert pointer.source is not None
    inner = pointer.source.target(pointer)
    assert inner is not None
    assert inner.source is not None
    found = inner.source.member(inner, member)
    if found is None:
        semantic_error(f"{inner.name} has no member {member} in this kernel", span, "expression")
    return n.ReadMemory(address, found.offset // 8, 8, False, span=span, type=Type.LONG)
