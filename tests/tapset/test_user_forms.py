"""The user side of built-ins: the values that the manual pages and the language's documents name, and the edges."""

from __future__ import annotations

import os
import re
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystap.program import nodes as n
from pystap.program.builtins import Expansion
from pystap.program.fault_messages import RuntimeFault
from pystap.program.types import LONG_MAX, LONG_MIN, Type
from pystap.source import NO_SPAN
from pystap.tapset.functions import all_rows, lookup

from .runtime import Aborted, Recorder


def call(name: str, *arguments: int | str, rt: Recorder | None = None) -> Any:
    """Call the overload that takes these arguments."""
    (row,) = (row for row in lookup(name) if len(row.parameters) == len(arguments))
    return row.user(rt if rt is not None else Recorder(), *arguments)


VALUES = [
    (("strlen", "abc"), 3),
    (("substr", "hello", 1, 3), "ell"),
    (("substr", "hello", 3, 30), "lo"),
    (("substr", "hello", 5, 1), ""),
    (("substr", "hello", -1, 3), ""),
    (("substr", "hello", 1, -3), ""),
    (("stringat", "abc", 0), 97),
    (("stringat", "abc", 3), 0),
    (("stringat", "abc", -1), 0),
    (("stringat", "\xff", 0), 255),
    (("isinstr", "hello", "ell"), 1),
    (("isinstr", "hello", "xyz"), 0),
    (("strpos", "hello", "hel"), 0),
    (("strpos", "hello", "z"), -1),
    (("str_replace", "aXbXc", "X", "--"), "a--b--c"),
    (("str_replace", "abc", "", "x"), "abc"),
    (("isdigit", "7 dwarfs"), 1),
    (("isdigit", "x7"), 0),
    (("isdigit", ""), 0),
    (("strtol", "10", 10), 10),
    (("strtol", "0x1f", 16), 31),
    (("strtol", "0x1f", 0), 31),
    (("strtol", "017", 0), 15),
    (("strtol", "-12abc", 10), -12),
    (("strtol", "ff", 16), 255),
    (("strtol", "101", 2), 5),
    (("strtol", "0x", 0), 0),
    (("strtol", "", 10), 0),
    (("strtol", "9223372036854775808", 10), LONG_MIN),
    (("text_str", 'a\n\t"\\\x01\x7f\xe9z'), 'a\\n\\t\\"\\\\\\001\\177\\351z'),
    (("text_strn", "hello", 3, 0), "hel"),
    (("text_strn", "hello world", 9, 1), '"hell"...'),
    (("text_strn", "hello", 7, 1), '"hello"'),
    (("text_strn", "hello", 1, 1), '""...'),
    (("text_strn", "a\x01", 4, 0), "a"),
    (("text_strn", "hello", 0, 1), '"hello"'),
    (("string_quoted", 'say "hi"'), '"say \\"hi\\""'),
    (("htons", 0x1234), 0x3412),
    (("htonl", 0x01020304), 0x04030201),
    (("htonll", 1), 1 << 56),
    (("ntohs", 0xFFFF1234), 0x3412),
    (("big_endian4", 1), 0x01000000),
    (("little_endian2", 0x12345), 0x2345),
    (("little_endian8", -1), -1),
    (("MAJOR", 8 << 20 | 17), 8),
    (("MINOR", 8 << 20 | 17), 17),
    (("MKDEV", 8, 17), 8 << 20 | 17),
    (("usrdev2kerndev", os.makedev(8, 300)), 8 << 20 | 300),
    (("WIFEXITED", 0x300), 1),
    (("WEXITSTATUS", 0x300), 3),
    (("WIFEXITED", 9), 0),
    (("WTERMSIG", 9), 9),
    (("AF_INET",), 2),
    (("AF_INET6",), 10),
    (("msecs_to_string", 123456), "2m3.456s"),
    (("usecs_to_string", 61_000_007), "1m1.000007s"),
    (("nsecs_to_string", 5), "0m0.000000005s"),
    (("msecs_to_string", -61_005), "-1m-1.-005s"),
    (("cputime_to_msecs", 5_999_999), 5),
    (("cputime_to_usecs", -5_999), -5),
    (("cputime_to_string", 1_500_000_000), "0m1.500s"),
    (("bytes_to_string", 512), "  512"),
    (("bytes_to_string", 1536), " 1.5K"),
    (("bytes_to_string", 100 << 10), " 100K"),
    (("bytes_to_string", 99 << 20), "99.0M"),
    (("bytes_to_string", 5 << 30), " 5.0G"),
    (("bytes_to_string", -5), "   -5"),
    (("ip_ntop", 0x0100007F), "127.0.0.1"),
    (("ip_ntop", -1), "255.255.255.255"),
    (("format_ipaddr", 0x0100007F, 2), "127.0.0.1"),
    (("format_ipaddr", 1, 1), ""),
    (("errno_str", 2), "ENOENT"),
    (("errno_str", -2), "ENOENT"),
    (("errno_str", 0), ""),
    (("errno_str", 41), "E#41"),
    (("errno_str", 133), "EHWPOISON"),
    (("errno_str", 512), "ERESTARTSYS"),
    (("errno_str", 531), "ENOGRACE"),
    (("errno_str", 3333), "E#3333"),
    (("errno_p", -4095), 1),
    (("errno_p", -4096), 0),
    (("errno_p", 0), 0),
    (("return_str", 1, -2), "-2 (ENOENT)"),
    (("return_str", 1, -5000), "-5000"),
    (("return_str", 2, 255), "0xff"),
    (("return_str", 3, 8), "010"),
    (("signal_str", 9), "SIGKILL"),
    (("signal_str", 31), "SIGSYS"),
    (("signal_str", 34), "SIGRTMIN+2"),
    (("signal_str", 64), "SIGRTMAX"),
    (("signal_str", 65), "65"),
    (("sa_flags_str", 0x10000004), "SA_SIGINFO|SA_RESTART"),
    (("sa_handler_str", 1), "SIG_IGN"),
    (("sa_handler_str", 0x401000), "0x401000"),
    (("sigset_mask_str", 0b101), "SIGHUP|SIGQUIT"),
    (("rlimit_from_str", "RLIMIT_NOFILE"), 7),
    (("rlimit_from_str", "x"), -1),
    (("sock_fam_num2str", 2), "INET"),
    (("sock_fam_num2str", 10), "INET6"),
    (("sock_fam_num2str", 99), "UNKNOWN VALUE: 99"),
    (("sock_fam_str2num", "PACKET"), 17),
    (("sock_prot_num2str", 17), "UDP"),
    (("sock_prot_num2str", 3), "UNKNOWN VALUE: 3"),
    (("sock_prot_str2num", "TCP"), 6),
    (("sock_type_num2str", 10), "PACKET"),
    (("sock_type_str2num", "nothing"), -1),
    (("sock_state_num2str", 3), "CONNECTED"),
    (("msg_flags_num2str", 0x42), "MSG_PEEK|MSG_DONTWAIT"),
    (("ctime", 0), "Thu Jan  1 00:00:00 1970"),
    (("ctime", -(1 << 31)), "Fri Dec 13 20:45:52 1901"),
    (("ctime", (1 << 31) - 1), "Tue Jan 19 03:14:07 2038"),
    (("ctime", 741476948), "Wed Jun 30 21:49:08 1993"),
    (("remote_id",), -1),
    (("remote_uri",), ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "value"), VALUES, ids=lambda value: "" if not isinstance(value, tuple) else str(value[0])
)
def test_value(arguments: tuple[Any, ...], value: int | str) -> None:
    result = call(*arguments)
    assert result == value
    (row,) = (row for row in lookup(arguments[0]) if len(row.parameters) == len(arguments) - 1)
    if isinstance(result, str) and row.width is not None:
        widths = [len(a) if isinstance(a, str) else 0 for a in arguments[1:]]
        assert len(result) <= (row.width if isinstance(row.width, int) else row.width(*widths))


@given(st.data())
def test_widths_bound_the_results(data: st.DataObject) -> None:
    """Whatever the arguments, a pure function's text is not longer than its row says."""
    bounded = [
        row for row in all_rows()
        if row.effect.value == "pure" and row.returns is Type.STRING and row.width is not None and row.name[0] != "_"
    ]  # fmt: skip
    row = data.draw(st.sampled_from(bounded))
    text = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=20)
    arguments = [
        data.draw(text if kind is Type.STRING else st.integers(LONG_MIN, LONG_MAX)) for _, kind in row.parameters
    ]
    widths = [len(a) if isinstance(a, str) else 0 for a in arguments]
    try:
        result = row.user(Recorder(), *arguments)
    except RuntimeFault:
        return
    assert len(result) <= (row.width if isinstance(row.width, int) else row.width(*widths)), row.name


@pytest.mark.parametrize("seconds", [-(1 << 31) - 1, 1 << 31, LONG_MAX])
def test_ctime_out_of_range(seconds: int) -> None:
    with pytest.raises(RuntimeFault, match=f"^ctime: {seconds} is not a time within 32 bits of seconds$"):
        call("ctime", seconds)


def test_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "XYZ-5:30")
    time.tzset()
    try:
        rt = Recorder()
        assert call("tz_gmtoff", rt=rt) == -19800
        assert call("tz_name", rt=rt) == "XYZ"
        assert call("tz_ctime", 0, rt=rt) == "Thu Jan  1 05:30:00 1970 XYZ"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_tokenize() -> None:
    rt = Recorder()
    assert call("tokenize", "//usr/bin//env", "/", rt=rt) == "usr"
    assert [call("tokenize", "", "/", rt=rt) for _ in range(3)] == ["bin", "env", ""]
    assert call("tokenize", "a b,c", " ,", rt=rt) == "a"
    assert call("tokenize", ",", rt=rt) == "b"
    assert call("tokenize", ",", rt=rt) == "c"
    assert call("tokenize", "no delimiter", "/", rt=rt) == "no delimiter"
    assert call("tokenize", "whole", "", rt=rt) == "whole"
    assert call("tokenize", "", "", rt=rt) == ""
    assert call("tokenize", "/", "/", rt=Recorder()) == ""


def test_matches() -> None:
    rt = Recorder()
    for name, arguments in (("matched", (0,)), ("matched_str", ()), ("ngroups", ())):
        with pytest.raises(RuntimeFault):
            call(name, *arguments, rt=rt)
    rt.matched_groups = ("ab", "a", "")
    assert [call("matched", i, rt=rt) for i in range(3)] == ["ab", "a", ""]
    assert call("matched_str", rt=rt) == "ab"
    assert call("ngroups", rt=rt) == 3
    for number in (3, -1):
        with pytest.raises(RuntimeFault):
            call("matched", number, rt=rt)


def test_messages() -> None:
    rt = Recorder()
    call("log", "one", rt=rt)
    call("log", "two\n", rt=rt)
    call("warn", "three\n", rt=rt)
    call("exit", rt=rt)
    call("system", "true", rt=rt)
    call("switch_file", rt=rt)
    assert rt.calls == [
        ("log", "one\n"),
        ("log", "two\n"),
        ("warn", "three"),
        ("exit",),
        ("system", "true"),
        ("switch_file",),
    ]
    with pytest.raises(RuntimeFault) as caught:
        call("error", "no such luck", rt=rt)
    assert caught.value.message == "no such luck"
    with pytest.raises(Aborted):
        call("abort", rt=rt)


def test_terminal_control() -> None:
    rt = Recorder()
    for arguments in (("ansi_clear_screen",), ("ansi_cursor_move", 2, 5), ("ansi_set_color", 31),
                      ("ansi_set_color", 31, 40),
                      ("ansi_set_color3", 31, 40, 1), ("ansi_reset_color",), ("ansi_new_line",)):  # fmt: skip
        call(*arguments, rt=rt)
    assert rt.output == "\033[1;1H\033[J\033[2;5H\033[31m\033[31;40m\033[31;40;1m\033[0;0m\n"


def test_speculation() -> None:
    rt = Recorder()
    first, second = call("speculation", rt=rt), call("speculation", rt=rt)
    assert first != second
    call("speculate", first, "a", rt=rt)
    call("speculate", second, "x", rt=rt)
    call("speculate", first, "b", rt=rt)
    call("speculate", 99, "lost", rt=rt)
    assert rt.output == ""
    call("discard", second, rt=rt)
    call("commit", first, rt=rt)
    call("commit", first, rt=rt)
    call("commit", second, rt=rt)
    assert rt.output == "ab"


def test_context_speaks_of_this_process() -> None:
    rt = Recorder()
    rt.target_pid = 12
    assert call("pid") == os.getpid()
    assert call("tid") == threading.get_native_id()
    assert call("ppid") == os.getppid()
    assert call("pgrp") == os.getpgrp()
    assert call("sid") == os.getsid(0)
    assert (call("uid"), call("euid"), call("gid"), call("egid")) == (*os.getresuid()[:2], *os.getresgid()[:2])
    assert call("execname") == Path("/proc/self/comm").read_text().rstrip("\n")
    assert call("pexecname") == Path(f"/proc/{os.getppid()}/comm").read_text().rstrip("\n")
    assert call("cpu") in range(os.cpu_count() or 1)
    assert call("target", rt=rt) == 12


@pytest.mark.parametrize(
    ("point", "function"),
    [
        ('kernel.function("vfs_read@fs/read_write.c:450")', "vfs_read"),
        ('kernel.function("vfs_read").return', "vfs_read"),
        ('process("/bin/ls").statement("main@ls.c:10")', "main"),
        ("begin", ""),
        ("timer.ms(5)", ""),
    ],
)
def test_probe_function(point: str, function: str) -> None:
    rt = Recorder()
    rt.probe_point = point
    assert call("pp", rt=rt) == point
    assert call("ppfunc", rt=rt) == call("probefunc", rt=rt) == function


def test_clocks() -> None:
    before = time.time_ns()
    now = call("gettimeofday_ns")
    assert before <= now <= time.time_ns()
    assert now // 10**9 <= call("gettimeofday_s") <= now // 10**9 + 1
    assert re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", call("ctime"))
    hertz = call("HZ")
    assert hertz in (100, 250, 300, 1000)
    first = call("jiffies")
    time.sleep(0.1)
    assert 0.05 * hertz < call("jiffies") - first < 5 * hertz


def test_ipv6() -> None:
    rt = Recorder()
    address = 0xFFFF_8880_0000_1000
    rt.memory[address] = bytes([0xFE, 0x80, *range(14)])
    signed = address - (1 << 64)
    assert call("format_ipaddr", signed, 10, rt=rt) == "fe80:0001:0203:0405:0607:0809:0a0b:0c0d"
    with pytest.raises(RuntimeFault, match=r"^read fault \[man error::fault\] at 0x0000000000000001 \(addr\)$"):
        call("format_ipaddr", 1, 10, rt=rt)


def _bits(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little", signed=True)


def test_floats() -> None:
    two, three, half = _bits(2.0), _bits(3.0), _bits(0.5)
    nan = call("fp_div", _bits(0.0), _bits(0.0))
    assert call("fp_add", two, half) == _bits(2.5)
    assert call("fp_sub", half, two) == _bits(-1.5)
    assert call("fp_mul", two, three) == _bits(6.0)
    assert call("fp_div", three, two) == _bits(1.5)
    assert call("fp_div", three, _bits(-0.0)) == _bits(float("-inf"))
    assert call("fp_rem", three, two) == _bits(-1.0)
    assert call("fp_rem", three, _bits(0.0)) == nan
    assert call("fp_sqrt", _bits(9.0)) == three
    assert call("fp_sqrt", _bits(-9.0)) == nan
    assert call("fp_lt", half, two) == 1
    assert call("fp_le", two, two) == 1
    assert call("fp_eq", nan, nan) == 0
    assert call("long_to_fp", -3) == _bits(-3.0)
    assert call("fp32_to_fp64", int.from_bytes(struct.pack("<f", 1.25), "little")) == _bits(1.25)
    assert call("string_to_fp", "3.14") == _bits(3.14)
    assert call("fp_to_string", call("string_to_fp", "3.14"), 5) == "3.14000"
    assert call("fp_to_string", nan, 5) == "NaN"
    with pytest.raises(RuntimeFault):
        call("string_to_fp", "pi")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0, [2, 2, -2, 3]),
        (1, [1, 2, -2, 2]),
        (2, [1, 2, -3, 2]),
        (3, [2, 3, -2, 3]),
        (4, [2, 3, -3, 3]),
        (6, [1, 3, -3, 3]),
    ],
)
def test_rounding(mode: int, expected: list[int]) -> None:
    assert [call("fp_to_long", _bits(value), mode, 0) for value in (1.5, 2.5, -2.5, 2.75)] == expected
    assert call("fp_to_long", _bits(1e30), mode, 0) == LONG_MAX
    assert call("fp_to_long", _bits(-1e30), mode, 0) == LONG_MIN


def test_expansions_look_up_tables() -> None:
    argument = n.Constant(-2, span=NO_SPAN, type=Type.LONG)
    (row,) = lookup("errno_str")
    assert isinstance(row.kernel, Expansion)
    expanded = row.kernel.expand(argument)
    assert isinstance(expanded, n.TableText)
    assert expanded.table[2] == "ENOENT"
    assert isinstance(expanded.index, n.BuiltinCall)
    assert expanded.index.builtin.user(Recorder(), -2) == 2
    (row,) = lookup("cputime_to_msecs")
    assert isinstance(row.kernel, Expansion)
    assert isinstance(row.kernel.expand(argument), n.Binary)
