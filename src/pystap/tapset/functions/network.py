"""Addresses and socket constants by name (tapset::ip, tapset::socket).

Numbers: linux/socket.h, linux/net.h, linux/in.h.
"""

from __future__ import annotations

from collections.abc import Callable

from ...program.builtins import Builtin, Effect
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..services import Services
from ..tables import dense, name_of, table_expansion, table_width
from .network_ir import FORMAT_IPADDR, IP_NTOP
from .signals import flags_text, flags_width

L, S = Type.LONG, Type.STRING
_AF_INET, _AF_INET6 = 2, 10

_UNKNOWN = "UNKNOWN VALUE: %d"
_FAMILY_NAMES = """
UNSPEC LOCAL INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECNET NETBEUI SECURITY KEY NETLINK PACKET ASH
ECONET ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET IEEE802154 CAIF ALG NFC
VSOCK KCM QIPCRTR SMC XDP MCTP
"""
FAMILIES = tuple(_FAMILY_NAMES.split())
PROTOCOLS = dense(
    {
        0: "IP", 1: "ICMP", 2: "IGMP", 4: "IPIP", 6: "TCP", 8: "EGP", 12: "PUP", 17: "UDP", 22: "IDP", 29: "TP",
        33: "DCCP", 41: "IPV6", 46: "RSVP", 47: "GRE", 50: "ESP", 51: "AH", 92: "MTP", 94: "BEETPH", 98: "ENCAP",
        103: "PIM", 108: "COMP", 115: "L2TP", 132: "SCTP", 136: "UDPLITE", 137: "MPLS", 143: "ETHERNET", 255: "RAW",
        262: "MPTCP",
    },
    _UNKNOWN,
)  # fmt: skip
STATES = ("FREE", "UNCONNECTED", "CONNECTING", "CONNECTED", "DISCONNECTING")
TYPES = dense({1: "STREAM", 2: "DGRAM", 3: "RAW", 4: "RDM", 5: "SEQPACKET", 6: "DCCP", 10: "PACKET"}, _UNKNOWN)
_FLAGS = (
    (0x1, "MSG_OOB"), (0x2, "MSG_PEEK"), (0x4, "MSG_DONTROUTE"), (0x8, "MSG_CTRUNC"), (0x10, "MSG_PROBE"),
    (0x20, "MSG_TRUNC"), (0x40, "MSG_DONTWAIT"), (0x80, "MSG_EOR"), (0x100, "MSG_WAITALL"), (0x200, "MSG_FIN"),
    (0x400, "MSG_SYN"), (0x800, "MSG_CONFIRM"), (0x1000, "MSG_RST"), (0x2000, "MSG_ERRQUEUE"),
    (0x4000, "MSG_NOSIGNAL"), (0x8000, "MSG_MORE"), (0x10000, "MSG_WAITFORONE"), (0x40000, "MSG_BATCH"),
    (0x4000000, "MSG_ZEROCOPY"), (0x20000000, "MSG_FASTOPEN"), (0x40000000, "MSG_CMSG_CLOEXEC"),
    (0x80000000, "MSG_CMSG_COMPAT"),
)  # fmt: skip


def ip_ntop(rt: Services, addr: int) -> str:
    """Return an IPv4 address as text; `addr` holds it in network order, its first byte lowest."""
    return ".".join(str(addr >> shift & 0xFF) for shift in (0, 8, 16, 24))


def format_ipaddr(rt: Services, addr: int, family: int) -> str:
    """Return an IPv4 address, or the IPv6 address at kernel address `addr` in its full form; "" for other families."""
    if family == _AF_INET:
        return ip_ntop(rt, addr)
    if family != _AF_INET6:
        return ""
    unsigned = addr & 0xFFFF_FFFF_FFFF_FFFF
    data = rt.read_kernel_memory(unsigned, 16)
    if data is None:
        raise RuntimeFault(f"read fault [man error::fault] at 0x{unsigned:016x} (addr)")
    return ":".join(data[i : i + 2].hex() for i in range(0, 16, 2))


def msg_flags_num2str(rt: Services, flags: int) -> str:
    return flags_text(_FLAGS, flags)


def _number_of(table: tuple[str, ...], name: str) -> int:
    """Return the number of a name, -1 for an unknown one."""
    return table.index(name) if name in table and not name.startswith("UNKNOWN") else -1


def sock_fam_num2str(rt: Services, family: int) -> str:
    return name_of(FAMILIES, _UNKNOWN, family)


def sock_prot_num2str(rt: Services, proto: int) -> str:
    return name_of(PROTOCOLS, _UNKNOWN, proto)


def sock_state_num2str(rt: Services, state: int) -> str:
    return name_of(STATES, _UNKNOWN, state)


def sock_type_num2str(rt: Services, kind: int) -> str:
    return name_of(TYPES, _UNKNOWN, kind)


def sock_fam_str2num(rt: Services, family: str) -> int:
    return _number_of(FAMILIES, family)


def sock_prot_str2num(rt: Services, proto: str) -> int:
    return _number_of(PROTOCOLS, proto)


def sock_state_str2num(rt: Services, state: str) -> int:
    return _number_of(STATES, state)


def sock_type_str2num(rt: Services, kind: str) -> int:
    return _number_of(TYPES, kind)


def _name_row(name: str, parameter: str, table: tuple[str, ...], user: Callable[[Services, int], str]) -> Builtin:
    expansion = table_expansion(table, _UNKNOWN)
    return Builtin(name, ((parameter, L),), S, Effect.PURE, user, expansion, width=table_width(table, _UNKNOWN))


ROWS = (
    Builtin("ip_ntop", (("addr", L),), S, Effect.PURE, ip_ntop, IP_NTOP, width=15),
    Builtin("format_ipaddr", (("addr", L), ("family", L)), S, Effect.CONTEXT, format_ipaddr, FORMAT_IPADDR, width=39),
    _name_row("sock_fam_num2str", "family", FAMILIES, sock_fam_num2str),
    _name_row("sock_prot_num2str", "proto", PROTOCOLS, sock_prot_num2str),
    _name_row("sock_state_num2str", "state", STATES, sock_state_num2str),
    _name_row("sock_type_num2str", "type", TYPES, sock_type_num2str),
    Builtin("sock_fam_str2num", (("family", S),), L, Effect.PURE, sock_fam_str2num),
    Builtin("sock_prot_str2num", (("proto", S),), L, Effect.PURE, sock_prot_str2num),
    Builtin("sock_state_str2num", (("state", S),), L, Effect.PURE, sock_state_str2num),
    Builtin("sock_type_str2num", (("type", S),), L, Effect.PURE, sock_type_str2num),
    Builtin("sock_flags_num2str", (("flags", L),), S, Effect.PURE, msg_flags_num2str, width=flags_width(_FLAGS)),
    Builtin("msg_flags_num2str", (("flags", L),), S, Effect.PURE, msg_flags_num2str, width=flags_width(_FLAGS)),
)
