"""Counters of SNMP: those that tracepoints tell, on connections of a command of our own."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from ..command import run_stap

CONNECT = """
import socket
server = socket.create_server(("127.0.0.1", 0))
for _ in range(3):
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    client.close(); peer.close()
try:
    socket.create_connection(("127.0.0.1", server.getsockname()[1] if server.close() else 1))
except ConnectionRefusedError:
    pass
"""

SCRIPT = """
function tcpmib_filter_key:long (sk:long, op:long) { return pid() == target() ? 1 : 0 }
probe tcpmib.CurrEstab { if (key) seen <<< op }
probe tcpmib.AttemptFails { if (key) failed++ }
global seen, failed
probe end { printf("%d %d %d %d\\n", @count(seen), @sum(seen), failed, AttemptFails[1]) }
"""


def test_connections_are_counted(tmp_path: Path) -> None:
    command = shlex.join([sys.executable, "-c", CONNECT])
    result = run_stap("-e", SCRIPT, "-c", command, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    transitions, balance, failed, counted = map(int, result.stdout.split())
    assert transitions >= 6
    assert abs(balance) <= 3  # the last steps of a closing run where the packet arrives
    assert (failed, counted) == (1, 1)
