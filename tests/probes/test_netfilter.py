"""`netfilter` probes against packets that the test sends to itself."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pystap import registries
from pystap.diagnostics import ScriptError
from pystap.program.attach import KernelFunctions
from pystap.program.extension import PointPart
from pystap.program.features import Feature
from pystap.program.nodes import Constant
from pystap.program.types import Type
from pystap.registries import features_here, function_refusal, has
from pystap.source import NO_SPAN

from ..command import STAP, run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]
SENDER = """\
import socket
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
for size in (199, 200, 201):
    try:
        receiver.sendto(b"x" * size, receiver.getsockname())
        print(len(receiver.recv(300)), receiver.getsockname()[1], flush=True)
    except PermissionError:
        print("refused", flush=True)
"""

HAS_PROGRAMS = has(features_here(), Feature.NETFILTER)
needs_programs = pytest.mark.skipif(not HAS_PROGRAMS, reason="needs netfilter programs (Linux 6.4)")


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    (tmp_path / "sender.py").write_text(SENDER)
    return lambda *arguments: run_stap(
        *arguments, "-c", f"{sys.executable} -I -S {tmp_path}/sender.py", folder=tmp_path
    )


@pytest.mark.guest(native=True, thorough=True)
def test_what_packets_are_made_of(stap: Stap) -> None:
    """By netfilter programs, or without them by the functions that packets come through."""
    if not HAS_PROGRAMS and function_refusal():
        pytest.skip("neither netfilter programs nor kernel functions")
    script = """probe netfilter.ip.local_in {
      if (pf == "ipv4" && protocol == ipproto_udp && length >= 227 && length <= 229 && sport == dport)
        printf("%s %s %s %d %d %d %s\\n", indev_name, saddr, daddr, length, sport, family, substr(data_hex, 0, 8)) }
    global others
    probe netfilter.ipv4.pre_routing { if ($skb->len == 228) others["pre", $hooknum, indev_name, outdev_name]++ }
    probe netfilter.ipv4.local_out { if ($skb->len == 228) others["out", $hooknum, indev_name, outdev_name]++ }
    probe netfilter.ipv4.post_routing { if ($skb->len == 228) others["post", $hooknum, "", outdev_name]++ }
    probe end { foreach ([a, b, c, d] in others) printf("hook %s %d %s,%s %d\\n", a, b, c, d, others[a, b, c, d]) }"""
    done = stap("-e", script)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    port = next(line.split()[1] for line in lines if line.startswith("199 "))
    assert done.stderr == ""
    seen = [line for line in lines if line.startswith("lo ")]
    assert seen == [f"lo 127.0.0.1 127.0.0.1 {n} {port} 2 450000{n:02x}" for n in (227, 228, 229)]
    hooks = {line for line in lines if line.startswith("hook ")}
    assert hooks == {"hook pre 0 lo, 1", "hook out 3 ,lo 1", "hook post 4 ,lo 1"}


@needs_programs
def test_a_verdict(stap: Stap) -> None:
    script = """probe netfilter.hook("NF_INET_LOCAL_OUT").pf("NFPROTO_IPV4").priority("NF_IP_PRI_FILTER") {
      if ($skb->len == 228) { $verdict = 0; dropped++ } }
    global dropped
    probe end { println("dropped ", dropped) }"""
    done = stap("-g", "-e", script)
    assert done.returncode == 0, done.stderr
    lines = [line.split()[0] for line in done.stdout.splitlines()]
    assert lines == ["199", "refused", "201", "dropped"]
    assert "dropped 1\n" in done.stdout


def test_no_verdict_without_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's functions are probed in place of what it lacks, for packets alone."""
    monkeypatch.setattr(registries, "has", lambda features, kind: kind is not Feature.NETFILTER)
    monkeypatch.setattr(registries, "function_refusal", lambda: "")
    registries._netfilter_kind.cache_clear()
    kind = registries._netfilter_kind(False)
    registries._netfilter_kind.cache_clear()
    [point] = kind.derive(
        [
            PointPart("netfilter", None, NO_SPAN),
            PointPart("hook", "NF_INET_POST_ROUTING", NO_SPAN),
            PointPart("pf", "NFPROTO_IPV4", NO_SPAN),
        ]
    )
    assert isinstance(point.attach, KernelFunctions)
    assert [one.name for one in point.attach.points] == ["ip_output", "ip_mc_output"]
    assert point.target_variables["$skb"].type is not None
    assign = point.target_variables["$verdict"].assign
    assert assign is not None
    with pytest.raises(ScriptError, match="no state and no verdict without netfilter programs"):
        assign(Constant(0, span=NO_SPAN, type=Type.LONG), False, NO_SPAN)


@needs_programs
@pytest.mark.parametrize(
    ("options", "script", "message"),
    [
        ((), 'probe netfilter.hook("NF_INET_LOCAL_IN").pf("NFPROTO_IPV4") { $verdict = 0 }', "need stap -g"),
        ((), 'probe netfilter.hook("NF_INET_LOCL_IN").pf("NFPROTO_IPV4") { }', "similar: NF_INET_LOCAL_IN"),
        ((), 'probe netfilter.hook("NF_ARP_IN").pf("NFPROTO_ARP") { }', "IPv4 and IPv6 packets only"),
        (
            ("-g",),
            'probe netfilter.hook("NF_INET_LOCAL_IN").pf("NFPROTO_IPV4") { tokenize("a", "b"); $verdict = 0 }',
            "behind what only user space can do",
        ),
        ((), 'probe python3.module("m").function("f") { }', "python probes need a module inside the interpreter"),
        ((), 'probe java(1).class("c").method("m") { }', "java probes need an agent"),
    ],
)
def test_what_is_refused(stap: Stap, options: tuple[str, ...], script: str, message: str) -> None:
    done = stap(*options, "-p2", "-e", script)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@needs_programs
def test_two_at_the_same_place(stap: Stap, tmp_path: Path) -> None:
    script = (
        "probe netfilter.ip.local_in { if (length == 228) n++; seen = n } global n, seen probe end { println(seen) }"
    )
    inner = shlex.join([*STAP, "-e", script, "-c", f"{sys.executable} -I -S {tmp_path}/sender.py"])
    done = run_stap("-e", script, "-c", inner, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if " " not in line] == ["1", "1"]
