"""`netfilter.hook("HOOK").pf("FAMILY")[.priority("N")]`: packets on their way through the kernel (man stapprobes).

    netfilter.hook("NF_INET_LOCAL_IN").pf("NFPROTO_IPV4")     what comes in for this machine

A handler is a netfilter program (Linux 6.4 and later), which sees IPv4 and IPv6. In guru mode it may set `$verdict`: 0
drops the packet, any other number lets it pass. An older kernel has its functions probed through which packets come to
the hook, whether or not anything hangs there: before all that does, without a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..diagnostics import near_names, semantic_error
from ..program import nodes as n
from ..program.attach import NetfilterHook
from ..program.c_types import CValue
from ..program.extension import DerivedPoint, PointPart, TargetSource
from ..program.types import Type
from ..records import dataclass
from ..source import Span
from .forms import match_form, names_after
from .netfilter_functions import ByFunctions, NamedTypes

_FAMILIES = {"NFPROTO_IPV4": 2, "NFPROTO_ARP": 3, "NFPROTO_BRIDGE": 7, "NFPROTO_IPV6": 10}
"""include/uapi/linux/netfilter.h"""
_SEEN = (2, 10)
_INET_HOOKS = ("PRE_ROUTING", "LOCAL_IN", "FORWARD", "LOCAL_OUT", "POST_ROUTING")
_HOOKS = {f"{prefix}_{name}": i for prefix in ("NF_INET", "NF_IP", "NF_IP6", "NF_BR") for i, name in
          enumerate(_INET_HOOKS)} | {"NF_ARP_IN": 0, "NF_ARP_OUT": 1, "NF_ARP_FORWARD": 2}  # fmt: skip
_PRIORITIES = {
    "RAW_BEFORE_DEFRAG": -450, "CONNTRACK_DEFRAG": -400, "RAW": -300, "SELINUX_FIRST": -225, "CONNTRACK": -200,
    "MANGLE": -150, "NAT_DST": -100, "FILTER": 0, "SECURITY": 50, "NAT_SRC": 100, "SELINUX_LAST": 225,
    "CONNTRACK_HELPER": 300, "LAST": 0x7FFF_FFFE, "FIRST": -0x7FFF_FFFF,
}  # fmt: skip
"""NF_IP_PRI_... of include/uapi/linux/netfilter_ipv4.h; the kernel keeps the first and the last for itself."""


def _number(text: str, known: dict[str, int], part: PointPart) -> int:
    """Return what a name or a number means. Raises ScriptError."""
    if text in known:
        return known[text]
    try:
        return int(text, 0)
    except ValueError:
        near = near_names(text, list(known))
        hint = f" (similar: {', '.join(near)})" if near else ""
        semantic_error(f"unknown name '{text}'{hint}", part.span, f"identifier '{part.name}'")


def _word(index: int, span: Span) -> n.Expression:
    return n.ContextValue(n.ContextKind.ARGUMENT, index, span=span, type=Type.LONG)


def constants(hook: int, family: int) -> dict[str, TargetSource]:
    """Return the variables that are the same for every packet."""

    def constant(number: int) -> TargetSource:
        return TargetSource.number(lambda span: n.Constant(number, span=span, type=Type.LONG))

    return {"$hooknum": constant(hook), "$pf": constant(family)}


@dataclass(frozen=True, slots=True)
class NetfilterKind:
    """`refusal` gives "" where the kernel has netfilter programs, else why not; `by_functions` what there is then."""

    types: Callable[[], NamedTypes]
    refusal: Callable[[], str]
    by_functions: Callable[[], ByFunctions]
    root: str = "netfilter"
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        for first, second in (("hook", "pf"), ("pf", "hook")):
            yield f"netfilter.{first}(string).{second}(string)"
            yield f"netfilter.{first}(string).{second}(string).priority(string)"

    def aliases(self) -> Iterable[str]:
        return ()

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return (parts,)

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return names_after(parts, self.forms())

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        match_form(parts, self.forms())
        by_name = {part.name: part for part in parts}
        family = _number(str(by_name["pf"].argument), _FAMILIES, by_name["pf"])
        hook = _number(str(by_name["hook"].argument), _HOOKS, by_name["hook"])
        priority = 0
        if "priority" in by_name:
            text = str(by_name["priority"].argument)
            for prefix in ("NF_IP_PRI_", "NF_IP6_PRI_"):
                text = text.removeprefix(prefix)
            priority = _number(text, _PRIORITIES, by_name["priority"])
        if family not in _SEEN:
            message = "netfilter programs of the kernel see IPv4 and IPv6 packets only"
            semantic_error(message, by_name["pf"].span, "identifier 'pf'")
        point = ".".join(map(str, parts))
        reason = self.refusal()
        if not reason:
            targets = self._of_program() | constants(hook, family)
            return [DerivedPoint(point, NetfilterHook(family, hook, priority), {}, targets)]
        packets = self.by_functions()
        why = packets.refusal() or packets.missing(family, hook)
        if why:
            semantic_error(f"packets cannot be probed here: {reason}; {why}", parts[0].span, "identifier 'netfilter'")
        targets = packets.targets(family, hook, reason) | constants(hook, family)
        return [DerivedPoint(point, packets.attach(family, hook), {}, targets)]

    def _of_program(self) -> dict[str, TargetSource]:
        """Return the variables that a netfilter program finds in its context."""
        types = self.types()
        packet, state = types.named_type("struct sk_buff *"), types.named_type("struct nf_hook_state *")
        inner = state.source.target(state)

        def of_state(name: str) -> TargetSource:
            member = inner.source.member(inner, name)
            assert member is not None

            def value(span: Span) -> CValue:
                word = n.ReadMemory(_word(1, span), member.offset // 8, 8, False, span=span, type=Type.LONG)
                return CValue(word, member.type)

            return TargetSource(value, member.type)

        return {
            "$skb": TargetSource(lambda span: CValue(_word(0, span), packet), packet),
            "$state": TargetSource(lambda span: CValue(_word(1, span), state), state),
            "$in": of_state("in"),
            "$out": of_state("out"),
        }
