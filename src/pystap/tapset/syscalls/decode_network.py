"""Decoders of calls on sockets."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from struct import unpack_from

from . import Decoder, Memory, address
from .decode_basic import quoted

_UNIX, _INET, _INET6 = 1, 2, 10


def sockaddr(value: int, length: int, data: bytes | None) -> str:
    """Return a struct sockaddr of `length` bytes."""
    if data is None or len(data) < 2:
        return address(value)
    (family,) = unpack_from("=H", data)
    if family == _INET and len(data) >= 8:
        (port,) = unpack_from("!H", data, 2)
        return f'{{sa_family=AF_INET, sin_port=htons({port}), sin_addr=inet_addr("{IPv4Address(data[4:8])}")}}'
    if family == _INET6 and len(data) >= 24:
        (port,) = unpack_from("!H", data, 2)
        return f'{{sa_family=AF_INET6, sin6_port=htons({port}), sin6_addr="{IPv6Address(data[8:24])}"}}'
    if family == _UNIX:
        return f"{{sa_family=AF_UNIX, sun_path={quoted(data[2:].split(bytes(1))[0])}}}"
    return f"{{sa_family={family}, ...}}"


DECODERS = (Decoder("sockaddr", sockaddr, (Memory("bytes", 128, count=1),)),)
