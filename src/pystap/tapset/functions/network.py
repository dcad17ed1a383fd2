"""Addresses and socket constants by name (tapset::ip, tapset::socket).

Numbers: linux/socket.h, linux/net.h, linux/in.h.
"""

from __future__ import annotations

from ...program.builtins import Builtin, Effect, Expansion
from ...program.fault_messages import RuntimeFault
from ...program.types import Type
from ..services import Services
from ..tables import dense, table_expansion, table_user, table_width
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


def _number_row(name: str, parameter: str, table: tuple[str, ...]) -> Builtin:
    """Return the row that finds the number of a name, -1 for an unknown one."""
    numbers = {entry: number for number, entry in enumerate(table) if not entry.startswith("UNKNOWN")}

    def look_up(rt: Services, text: str) -> int:
        return numbers.get(text, -1)

    return Builtin(name, ((parameter, S),), L, Effect.PURE, look_up)


def _name_row(name: str, parameter: str, table: tuple[str, ...]) -> Builtin:
    expansion: Expansion = table_expansion(table, _UNKNOWN)
    width = table_width(table, _UNKNOWN)
    return Builtin(name, ((parameter, L),), S, Effect.PURE, table_user(table, _UNKNOWN), expansion, width=width)


ROWS = (
    Builtin("ip_ntop", (("addr", L),), S, Effect.PURE, ip_ntop, IP_NTOP, width=15),
    Builtin("format_ipaddr", (("addr", L), ("family", L)), S, Effect.CONTEXT, format_ipaddr, FORMAT_IPADDR, width=39),
    _name_row("sock_fam_num2str", "family", FAMILIES),
    _name_row("sock_prot_num2str", "proto", PROTOCOLS),
    _name_row("sock_state_num2str", "state", STATES),
    _name_row("sock_type_num2str", "type", TYPES),
    _number_row("sock_fam_str2num", "family", FAMILIES),
    _number_row("sock_prot_str2num", "proto", PROTOCOLS),
    _number_row("sock_state_str2num", "state", STATES),
    _number_row("sock_type_str2num", "type", TYPES),
    Builtin("sock_flags_num2str", (("flags", L),), S, Effect.PURE, msg_flags_num2str, width=flags_width(_FLAGS)),
    Builtin("msg_flags_num2str", (("flags", L),), S, Effect.PURE, msg_flags_num2str, width=flags_width(_FLAGS)),
)
