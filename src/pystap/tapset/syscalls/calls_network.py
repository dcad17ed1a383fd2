"""System calls on sockets. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
connect | sockfd=s32@0 serv_addr_uaddr=pointer@1 addrlen=s32@2 uaddr_af=sockaddr_family@1,2 \
uaddr_ip=sockaddr_ip@1,2 uaddr_ip_port=sockaddr_port@1,2 uaddr_ipv6_flowinfo=sockaddr_flowinfo@1,2 \
uaddr_ipv6_scope_id=sockaddr_scope@1,2 | sockfd sockaddr@1,2 addrlen
"""
