"""System calls on sockets. Columns: see the package's text."""

from __future__ import annotations

ROWS = """
socket | family=s32@0 type=s32@1 protocol=s32@2 family_str=family@0 type_str=socket_type@1 \
protocol_str=socket_protocol@2,0 | family_str type_str protocol_str
socketpair | family=s32@0 type=s32@1 protocol=s32@2 sv_uaddr=pointer@3 family_str=family@0 type_str=socket_type@1 \
protocol_str=socket_protocol@2,0 | family_str type_str protocol_str sv_uaddr
bind | sockfd=s32@0 my_addr_uaddr=pointer@1 addrlen=s32@2 uaddr_af=sockaddr_family@1,2 uaddr_ip=sockaddr_ip@1,2 \
uaddr_ip_port=sockaddr_port@1,2 uaddr_ipv6_flowinfo=sockaddr_flowinfo@1,2 uaddr_ipv6_scope_id=sockaddr_scope@1,2 | \
sockfd sockaddr@1,2 addrlen
connect | sockfd=s32@0 serv_addr_uaddr=pointer@1 addrlen=s32@2 uaddr_af=sockaddr_family@1,2 uaddr_ip=sockaddr_ip@1,2 \
uaddr_ip_port=sockaddr_port@1,2 uaddr_ipv6_flowinfo=sockaddr_flowinfo@1,2 uaddr_ipv6_scope_id=sockaddr_scope@1,2 | \
sockfd sockaddr@1,2 addrlen
listen | sockfd=s32@0 backlog=s32@1 | sockfd backlog
accept | sockfd=s32@0 addr_uaddr=pointer@1 addrlen_uaddr=pointer@2 | sockfd addr_uaddr addrlen_uaddr
accept4 | sockfd=s32@0 addr_uaddr=pointer@1 addrlen_uaddr=pointer@2 flags=s32@3 flags_str=socket_flags@3 | sockfd \
addr_uaddr addrlen_uaddr flags_str
getsockname | s=s32@0 name_uaddr=pointer@1 namelen_uaddr=pointer@2 | s name_uaddr namelen_uaddr
getpeername | s=s32@0 name_uaddr=pointer@1 namelen_uaddr=pointer@2 | s name_uaddr namelen_uaddr
send | s=s32@0 buf_uaddr=pointer@1 len=ulong@2 flags=u32@3 flags_str=message_flags@3 buf=buffer@1,2 | s buf len \
flags_str
sendto | s=s32@0 buf_uaddr=pointer@1 len=ulong@2 flags=u32@3 to_uaddr=pointer@4 tolen=s32@5 flags_str=message_flags@3 \
buf=buffer@1,2 to_str=sockaddr@4,5 | s buf len flags_str to_str tolen
recv | s=s32@0 buf_uaddr=pointer@1 len=ulong@2 flags=u32@3 flags_str=message_flags@3 | s buf_uaddr len flags_str
recvfrom | s=s32@0 buf_uaddr=pointer@1 len=ulong@2 flags=u32@3 addr_uaddr=pointer@4 addrlen_uaddr=pointer@5 \
flags_str=message_flags@3 | s buf_uaddr len flags_str addr_uaddr addrlen_uaddr
sendmsg | s=s32@0 msg_uaddr=pointer@1 flags=u32@2 flags_str=message_flags@2 | s message@1 flags_str
recvmsg | s=s32@0 msg_uaddr=pointer@1 flags=u32@2 flags_str=message_flags@2 | s msg_uaddr flags_str
compat_sys_sendmsg | s=s32@0 msg_uaddr=pointer@1 flags=u32@2 flags_str=message_flags@2 | s message@1 flags_str
compat_sys_recvmsg | s=s32@0 msg_uaddr=pointer@1 flags=u32@2 flags_str=message_flags@2 | s msg_uaddr flags_str
sendmmsg | s=s32@0 mmsg_uaddr=pointer@1 vlen=u32@2 flags=u32@3 flags_str=message_flags@3 | s mmsg_uaddr vlen \
flags_str
recvmmsg | s=s32@0 mmsg_uaddr=pointer@1 vlen=u32@2 flags=u32@3 flags_str=message_flags@3 timeout_uaddr=pointer@4 \
timeout_str=timespec@4 | s mmsg_uaddr vlen flags_str timeout_str
compat_recvmmsg | s=s32@0 mmsg_uaddr=pointer@1 vlen=u32@2 flags=u32@3 flags_str=message_flags@3 \
timeout_uaddr=pointer@4 timeout_str=timespec@4 | s mmsg_uaddr vlen flags_str timeout_str
setsockopt | fd=s32@0 level=s32@1 optname=s32@2 optval_uaddr=pointer@3 optlen=s32@4 level_str=option_level@1 \
optname_str=socket_option@2,1 | fd level_str optname_str option_value@3,4,1,2 optlen
getsockopt | fd=s32@0 level=s32@1 optname=s32@2 optval_uaddr=pointer@3 optlen_uaddr=pointer@4 \
level_str=option_level@1 optname_str=socket_option@2,1 | fd level_str optname_str optval_uaddr optlen_uaddr
shutdown | s=s32@0 how=s32@1 how_str=shutdown_how@1 | s how_str
sethostname | hostname_uaddr=pointer@0 name_str=host_name@0,1 name_str_unquoted=text@0 len=s32@1 | name_str len
setdomainname | domainname_uaddr=pointer@0 domainname_str=host_name@0,1 domainname_str_unquoted=text@0 len=s32@1 | \
domainname_str len
uname | name_uaddr=pointer@0 | name_uaddr
"""
