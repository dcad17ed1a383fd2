"""Sockets: families, types, protocols, addresses and messages.

Sources: linux/socket.h, linux/net.h, linux/in.h, linux/in6.h, linux/un.h, linux/netlink.h, linux/if_packet.h,
linux/if_ether.h, linux/vm_sockets.h of the kernel's include and include/uapi.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import inet_ntop

from . import Decoder, Memory, address
from .decode_basic import quoted
from .names import MASK_32, SAME, Flags, Names, array, counted, signed, structure, values, widened

_FAMILIES = """
UNSPEC UNIX INET AX25 IPX APPLETALK NETROM BRIDGE ATMPVC X25 INET6 ROSE DECnet NETBEUI SECURITY KEY NETLINK PACKET ASH
ECONET ATMSVC RDS SNA IRDA PPPOX WANPIPE LLC IB MPLS CAN TIPC BLUETOOTH IUCV RXRPC ISDN PHONET IEEE802154 CAIF ALG NFC
VSOCK KCM QIPCRTR SMC XDP MCTP
"""
family = Names(_FAMILIES, prefix="AF_")
_UNIX, _INET, _INET6, _NETLINK, _PACKET, _VSOCK = 1, 2, 10, 16, 17, 40
socket_type = Flags(
    "SOCK_CLOEXEC=0x80000 SOCK_NONBLOCK=0x800",
    field=(0xF, Names("SOCK_STREAM=1 SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP SOCK_PACKET=10")),
)
socket_flags = Flags("SOCK_CLOEXEC=0x80000 SOCK_NONBLOCK=0x800")
_IP_PROTOCOLS = Names("""
IPPROTO_IP=0 IPPROTO_ICMP=1 IPPROTO_IGMP=2 IPPROTO_IPIP=4 IPPROTO_TCP=6 IPPROTO_EGP=8 IPPROTO_PUP=0xc IPPROTO_UDP=0x11
IPPROTO_IDP=0x16 IPPROTO_TP=0x1d IPPROTO_DCCP=0x21 IPPROTO_IPV6=0x29 IPPROTO_ROUTING=0x2b IPPROTO_FRAGMENT=0x2c
IPPROTO_RSVP=0x2e IPPROTO_GRE=0x2f IPPROTO_ESP=0x32 IPPROTO_AH=0x33 IPPROTO_ICMPV6=0x3a IPPROTO_NONE=0x3b
IPPROTO_DSTOPTS=0x3c IPPROTO_MTP=0x5c IPPROTO_BEETPH=0x5e IPPROTO_ENCAP=0x62 IPPROTO_PIM=0x67 IPPROTO_COMP=0x6c
IPPROTO_L2TP=0x73 IPPROTO_SCTP=0x84 IPPROTO_MH=0x87 IPPROTO_UDPLITE=0x88 IPPROTO_MPLS=0x89 IPPROTO_ETHERNET=0x8f
IPPROTO_RAW=0xff IPPROTO_SMC=256 IPPROTO_MPTCP=0x106
""")
_NETLINK_PROTOCOLS = Names("""
NETLINK_ROUTE=0 NETLINK_UNUSED=1 NETLINK_USERSOCK=2 NETLINK_FIREWALL=3 NETLINK_SOCK_DIAG=4 NETLINK_NFLOG=5
NETLINK_XFRM=6 NETLINK_SELINUX=7 NETLINK_ISCSI=8 NETLINK_AUDIT=9 NETLINK_FIB_LOOKUP=0xa NETLINK_CONNECTOR=0xb
NETLINK_NETFILTER=0xc NETLINK_IP6_FW=0xd NETLINK_DNRTMSG=0xe NETLINK_KOBJECT_UEVENT=0xf NETLINK_GENERIC=0x10
NETLINK_SCSITRANSPORT=0x12 NETLINK_ECRYPTFS=0x13 NETLINK_RDMA=0x14 NETLINK_CRYPTO=0x15 NETLINK_SMC=0x16
""")
_ETHERNET = Names("""
ETH_P_802_3=1 ETH_P_AX25=2 ETH_P_ALL=3 ETH_P_802_2=4 ETH_P_SNAP=5 ETH_P_LOOP=0x60 ETH_P_IP=0x800 ETH_P_X25=0x805
ETH_P_ARP=0x806 ETH_P_RARP=0x8035 ETH_P_ATALK=0x809b ETH_P_AARP=0x80f3 ETH_P_8021Q=0x8100 ETH_P_IPX=0x8137
ETH_P_IPV6=0x86dd ETH_P_PAUSE=0x8808 ETH_P_SLOW=0x8809 ETH_P_MPLS_UC=0x8847 ETH_P_MPLS_MC=0x8848 ETH_P_PPP_DISC=0x8863
ETH_P_PPP_SES=0x8864 ETH_P_PAE=0x888e ETH_P_AOE=0x88a2 ETH_P_8021AD=0x88a8 ETH_P_LLDP=0x88cc ETH_P_MACSEC=0x88e5
ETH_P_1588=0x88f7 ETH_P_FCOE=0x8906 ETH_P_LOOPBACK=0x9000
""")


def _big_endian_16(value: int) -> int:
    return value >> 8 & 0xFF | (value & 0xFF) << 8


def socket_protocol(value: int, domain: int) -> str:
    """Return the protocol of a socket; what it means depends on the domain."""
    domain &= MASK_32
    if domain in (_INET, _INET6):
        return _IP_PROTOCOLS[value]
    if domain == _NETLINK:
        return _NETLINK_PROTOCOLS[value]
    if domain == _PACKET and _big_endian_16(value) in _ETHERNET.names:
        return f"htons({_ETHERNET[_big_endian_16(value)]})"
    return str(signed(value))


shutdown_how = Names("SHUT_RD SHUT_WR SHUT_RDWR")
message_flags = Flags("""
MSG_OOB=1 MSG_PEEK=2 MSG_DONTROUTE=4 MSG_CTRUNC=8 MSG_PROBE=0x10 MSG_TRUNC=0x20 MSG_DONTWAIT=0x40 MSG_EOR=0x80
MSG_WAITALL=0x100 MSG_FIN=0x200 MSG_SYN=0x400 MSG_CONFIRM=0x800 MSG_RST=0x1000 MSG_ERRQUEUE=0x2000 MSG_NOSIGNAL=0x4000
MSG_MORE=0x8000 MSG_WAITFORONE=0x10000 MSG_BATCH=0x40000 MSG_SOCK_DEVMEM=0x2000000 MSG_ZEROCOPY=0x4000000
MSG_FASTOPEN=0x20000000 MSG_CMSG_CLOEXEC=0x40000000 MSG_CMSG_COMPAT=0x80000000 """)


def _port(data: bytes) -> int:
    return int.from_bytes(data[2:4], "big")


def _unix(data: bytes) -> str:
    path = data[2:]
    if not path:
        return ""
    if path[0] == 0:
        return f", sun_path=@{quoted(path[1:])}"
    return f", sun_path={quoted(path.split(bytes(1))[0])}"


def _inet(data: bytes) -> str:
    if len(data) < 8:
        return ""
    return f', sin_port=htons({_port(data)}), sin_addr=inet_addr("{inet_ntop(_INET, data[4:8])}")'


def _inet6(data: bytes) -> str:
    if len(data) < 24:
        return ""
    text = f", sin6_port=htons({_port(data)}), sin6_flowinfo=htonl({int.from_bytes(data[4:8], 'big')})"
    text += f', inet_pton(AF_INET6, "{inet_ntop(_INET6, data[8:24])}", &sin6_addr)'
    return text + (f", sin6_scope_id={int.from_bytes(data[24:28], 'little')}" if len(data) >= 28 else "")


def _netlink(data: bytes) -> str:
    if len(data) < 12:
        return ""
    port, groups = int.from_bytes(data[4:8], "little"), int.from_bytes(data[8:12], "little")
    return f", nl_pid={port}, nl_groups={groups:08x}"


def _packet(data: bytes) -> str:
    if len(data) < 12:
        return ""
    protocol, index = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "little", signed=True)
    hardware, kind, length = int.from_bytes(data[8:10], "little"), data[10], data[11]
    text = f", sll_protocol=htons({_ETHERNET[protocol]}), sll_ifindex={index}, sll_hatype={hardware}"
    text += f", sll_pkttype={_PACKET_TYPES[kind]}, sll_halen={length}"
    return text + (f", sll_addr=[{', '.join(f'{byte:#04x}' for byte in data[12 : 12 + length])}]" if length else "")


_PACKET_TYPES = Names("""
PACKET_HOST PACKET_BROADCAST PACKET_MULTICAST PACKET_OTHERHOST PACKET_OUTGOING PACKET_LOOPBACK PACKET_USER PACKET_KERNEL
""")


def _vsock(data: bytes) -> str:
    if len(data) < 12:
        return ""
    return f", svm_cid={int.from_bytes(data[8:12], 'little'):#x}, svm_port={int.from_bytes(data[4:8], 'little'):#x}"


_MEMBERS = {_UNIX: _unix, _INET: _inet, _INET6: _inet6, _NETLINK: _netlink, _PACKET: _packet, _VSOCK: _vsock}


def socket_address(data: bytes) -> str:
    """Return a struct sockaddr: its family and what the address holds; bytes for families that are not known here."""
    number = int.from_bytes(data[:2], "little")
    members = _MEMBERS[number](data) if number in _MEMBERS else ""
    if not members and len(data) > 2:
        members = f", sa_data={quoted(data[2:])}"
    return f"{{sa_family={family[number]}{members}}}"


@counted(128, least=2)
def sockaddr(data: bytes, length: int) -> str:
    return socket_address(data)


def _vector(data: bytes) -> str:
    base, length = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8))
    return f"{{iov_base={address(base)}, iov_len={length}}}"


def _member(text: Callable[[bytes], str]) -> Callable[..., str]:
    """Return a decoder of one member of a socket address: "" where it has none, or cannot be read."""
    return lambda value, length, data: text(data) if data is not None and len(data) >= 2 else ""


def _ip(data: bytes) -> str:
    number = int.from_bytes(data[:2], "little")
    if number == _INET and len(data) >= 8:
        return inet_ntop(_INET, data[4:8])
    return inet_ntop(_INET6, data[8:24]) if number == _INET6 and len(data) >= 24 else ""


def _ip_port(data: bytes) -> str:
    return str(_port(data)) if data[0] in (_INET, _INET6) and len(data) >= 4 else ""


def _flow(data: bytes) -> str:
    return str(int.from_bytes(data[4:8], "big")) if data[0] == _INET6 and len(data) >= 8 else ""


def _scope(data: bytes) -> str:
    return str(int.from_bytes(data[24:28], "little")) if data[0] == _INET6 and len(data) >= 28 else ""


@counted(256, each=16, narrow="pp")
def iovecs(data: bytes, count: int) -> str:
    """Return an array of struct iovec, addresses and lengths."""
    shown = [_vector(data[i : i + 16]) for i in range(0, len(data) // 16 * 16, 16)]
    return array(shown, count)


_SHOWN_BYTES = 32


def written_iovecs(value: int, count: int, data: bytes | None, first: bytes | None) -> str:
    """Return an array of struct iovec that is written from: what is in the first buffer, the others by address."""
    text = iovecs.function(value, count, data)
    assert text is not None
    if data is None or len(data) < 16 or first is None:
        return text
    base, length = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8))
    shown = quoted(first[:length]) + "..." * (length > len(first))
    return text.replace(f"iov_base={address(base)}", f"iov_base={shown}", 1)


def _written_iovecs_32(value: int, count: int, data: bytes | None, first: bytes | None) -> str:
    wide = None if data is None else b"".join(widened(data[i : i + 8], "pp") for i in range(0, len(data) // 8 * 8, 8))
    return written_iovecs(value, count, wide, first)


def message(value: int, data: bytes | None, target: bytes | None) -> str:
    """Return a struct msghdr: the address it goes to, vector and control data by address, sizes, flags."""
    if data is None or len(data) < 56:
        return address(value)
    name, vector, count, control, size = (int.from_bytes(data[i : i + 8], "little") for i in (0, 16, 24, 32, 40))
    length, flags = (int.from_bytes(data[i : i + 4], "little") for i in (8, 48))
    known = target is not None and 2 <= length <= len(target)
    shown = socket_address(target[:length]) if known and target is not None else address(name)
    control_shown = f"msg_control={address(control)}, " if control else ""
    return (
        f"{{msg_name={shown}, msg_namelen={length}, msg_iov={address(vector)}, msg_iovlen={count}, "
        f"{control_shown}msg_controllen={size}, msg_flags={message_flags[flags]}}}"
    )


def _message_32(value: int, data: bytes | None, target: bytes | None) -> str:
    return message(value, widened(data or b"", "pi_ppppi_") or None, target)


@structure(4, narrow=SAME)
def length_pointer(data: bytes) -> str:
    """Return a length that is passed by its address: `[16]`."""
    return f"[{int.from_bytes(data[:4], 'little')}]"


DECODERS = (
    *values(
        family=family, socket_type=socket_type, socket_flags=socket_flags,
        socket_protocol=socket_protocol, shutdown_how=shutdown_how, message_flags=message_flags,
    ),
    sockaddr, iovecs, length_pointer,
    Decoder(
        "written_iovecs",
        written_iovecs,
        (Memory("bytes", 256, count=1, each=16), Memory("bytes", _SHOWN_BYTES, at=0, length_at=8)),
        compat=_written_iovecs_32,
        compat_memory=(Memory("bytes", 256, count=1, each=8), Memory("bytes", _SHOWN_BYTES, at=0, length_at=4)),
    ),
    Decoder(
        "message",
        message,
        (Memory("bytes", 56), Memory("bytes", 128, at=0, length_at=8)),
        compat=_message_32,
        compat_memory=(Memory("bytes", 28), Memory("bytes", 128, at=0, length_at=4)),
    ),
    *(
        Decoder(name, _member(text), (Memory("bytes", 128, count=1),), width=46)
        for name, text in (
            ("sockaddr_family", lambda data: family[int.from_bytes(data[:2], "little")]), ("sockaddr_ip", _ip),
            ("sockaddr_port", _ip_port), ("sockaddr_flowinfo", _flow), ("sockaddr_scope", _scope),
        )
    ),
)  # fmt: skip
