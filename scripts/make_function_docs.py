#!/usr/bin/env python3
"""Writes docs/functions.md from the declared functions; `--check` only tells whether it is up to date.

Names, signatures and where a function runs come from the declarations in src/pystap/tapset; the one-line descriptions
stand here and in function_descriptions.txt; a function without one refers to its manual page, a description without a
function is an error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from pystap.diagnostics import Diagnostics  # noqa: E402
from pystap.program.builtins import Builtin, Effect  # noqa: E402
from pystap.registries import Library  # noqa: E402
from pystap.syntax import PreprocessorFacts, ast  # noqa: E402
from pystap.tapset import functions  # noqa: E402

PAGE = ROOT / "docs" / "functions.md"

HEAD = """\
# Functions

<!-- Made by scripts/make_function_docs.py from the declarations; do not edit. -->

What each function does is what SystemTap's manual page `function::NAME` says. "Runs in" tells what a call costs in a
handler of a kernel probe; handlers of `begin`, `end`, `error` and timers run in user space anyway.

- **kernel**: eBPF computes it where the probe fires.
- **event**: an action. Its arguments are sent with the event and it happens in user space, in event order; the handler
  goes on in the kernel.
- **user**: a computation that eBPF does not have. Where its value only goes to output it is computed when the event
  is printed; elsewhere the rest of the handler runs in user space (see [differences](differences.md)).
- **script**: written in the language itself and compiled with your script.

`print`, `println`, `printd`, `printdln`, `printf` and their `sprint...` forms belong to the
[language](language.md). `stap --dump-functions` prints this list without the descriptions.
"""

TITLES = {
    "context": "Task, CPU and probe",
    "conversions": "Numbers of the kernel's interfaces",
    "errno": "Errors and results",
    "floats": "Floating point, in the bits of a long",
    "network": "Network",
    "output": "Messages, the end, the terminal",
    "session": "The session",
    "signals": "Signals and limits",
    "strings": "Strings",
    "text": "Text and regular expressions",
    "time": "Time",
    "units": "Numbers with units",
    "library": "Written in the language",
}

DESCRIPTIONS = """
tid: thread id
pid: process id
ppid: process id of the parent
pgrp: process group id
sid: session id
uid: real user id
euid: effective user id
gid: real group id
egid: effective group id
execname: name of the thread, at most 15 bytes
pexecname: name of the parent process
cpu: number of the CPU
pp: probe point that fired
ppfunc: function that the probe point names, "" when there is none
probefunc: the same as ppfunc
target: process of -c or -x, 0 without
stp_pid: process id of stap itself
remote_id: -1: nothing runs remotely
remote_uri: "": nothing runs remotely
htons: host to network byte order, 16 bits
htonl: host to network byte order, 32 bits
htonll: host to network byte order, 64 bits
ntohs: network to host byte order, 16 bits
ntohl: network to host byte order, 32 bits
ntohll: network to host byte order, 64 bits
big_endian2: 16 bits, big-endian to host or back
big_endian4: 32 bits, big-endian to host or back
big_endian8: 64 bits, big-endian to host or back
little_endian2: 16 bits, little-endian to host or back
little_endian4: 32 bits, little-endian to host or back
little_endian8: 64 bits, little-endian to host or back
MAJOR: major number of a device
MINOR: minor number of a device
MKDEV: device number from major and minor
usrdev2kerndev: device number of a system call to the kernel's
WIFEXITED: whether a wait status is that of an exit
WEXITSTATUS: exit status in a wait status
WTERMSIG: signal number in a wait status
HZ: jiffies per second
mem_page_size: bytes of a page
AF_INET: the number of the address family
AF_INET6: the number of the address family
errno_str: name of an error number: ENOENT for 2 and -2
errno_p: whether a result lies in -4095 ... -1
return_str: result in decimal (1), hexadecimal (2) or octal (3), with the name of an error
fp_add: sum
fp_sub: difference
fp_mul: product
fp_div: quotient
fp_rem: IEEE 754 remainder
fp_eq: whether both are equal
fp_le: whether the first is less or equal
fp_lt: whether the first is less
fp_sqrt: square root
long_to_fp: from an integer
fp32_to_fp64: from 32 bits to 64
string_to_fp: from decimal text; an error for any other
fp_to_long: to an integer, by rounding mode
fp_to_string: decimal text with so many digits behind the point
ip_ntop: IPv4 address, in network order, as text
format_ipaddr: address as text: IPv4 by value, IPv6 by kernel address
sock_fam_num2str: name of an address family
sock_prot_num2str: name of an IP protocol
sock_state_num2str: name of a socket state
sock_type_num2str: name of a socket type
sock_fam_str2num: number of an address family
sock_prot_str2num: number of an IP protocol
sock_state_str2num: number of a socket state
sock_type_str2num: number of a socket type
sock_flags_num2str: names of socket flags
msg_flags_num2str: names of message flags
log: a line to standard error
warn: a warning to standard error
error: ends the handler with a run-time error, which try/catch catches
exit: ends the session when the handler has ended; end probes run
abort: ends the session at once; the rest of the handler does not run
printk: a line to the kernel log, with a level (guru mode)
ftrace: a line to ftrace's buffer
ansi_clear_screen: clears the terminal
ansi_cursor_hide: hides the cursor
ansi_cursor_show: shows the cursor
ansi_cursor_save: keeps the cursor's place
ansi_cursor_restore: puts the cursor back to the kept place
ansi_cursor_move: puts the cursor to column, row
ansi_new_line: starts a line
ansi_reset_color: default colours
ansi_set_color: foreground, background, attribute
ansi_set_color2: foreground, background
ansi_set_color3: foreground, background, attribute
speculation: opens a buffer for output that may be dropped later; its id
speculate: puts text into such a buffer
commit: prints a buffer and closes it
discard: drops a buffer
system: runs a shell command
switch_file: starts the next output file (-o)
randint: random number from 0 to n - 1
get_loadavg_index: whole part of the load average of 1 (0), 5 (1) or 15 (2) minutes
sprint_loadavg: the three load averages as text
signal_str: name of a signal
sa_flags_str: names of sigaction flags
sa_handler_str: signal handler: SIG_DFL, SIG_IGN, SIG_ERR or its address
sigset_mask_str: names of the signals in a set
rlimit_from_str: number of a resource limit, -1 for an unknown name
strlen: length in bytes
substr: part of a string from a position on
stringat: byte at a position, 0 outside
isinstr: whether the second string stands in the first
strpos: where the second string stands in the first, -1 for nowhere
str_replace: replaces every occurrence
isdigit: whether the string holds digits alone
strtol: number from text to a base
text_str: text with unprintable bytes escaped
text_strn: the same, at most so many bytes, quoted or not
string_quoted: text in quotes with unprintable bytes escaped
tokenize: next token of a string; with two arguments, starts on a new string
matched: group of the last regular expression match, 0 for the whole
matched_str: the whole of the last match
ngroups: number of groups of the last match, the whole included
gettimeofday_s: seconds since 1970
gettimeofday_ms: milliseconds since 1970
gettimeofday_us: microseconds since 1970
gettimeofday_ns: nanoseconds since 1970
local_clock_s: seconds of this CPU's clock
local_clock_ms: milliseconds of this CPU's clock
local_clock_us: microseconds of this CPU's clock
local_clock_ns: nanoseconds of this CPU's clock
cpu_clock_s: seconds of a CPU's clock
cpu_clock_ms: milliseconds of a CPU's clock
cpu_clock_us: microseconds of a CPU's clock
cpu_clock_ns: nanoseconds of a CPU's clock
ktime_get_ns: nanoseconds of the monotonic clock
get_cycles: nanoseconds of the monotonic clock (eBPF cannot read the cycle counter)
jiffies: the kernel's tick counter
ctime: date in UTC of seconds since 1970; without argument, of now
tz_ctime: date in the local time zone, with its name
tz_gmtoff: seconds of the local time zone west of UTC
tz_name: name of the local time zone
msecs_to_string: milliseconds as time
usecs_to_string: microseconds as time
nsecs_to_string: nanoseconds as time
cputime_to_msecs: CPU time of the kernel in milliseconds
cputime_to_usecs: CPU time of the kernel in microseconds
cputime_to_string: CPU time of the kernel as time
bytes_to_string: size with a unit
pages_to_string: size of so many pages with a unit
assert: run-time error unless the expression is true
indent: indentation for one sequence of calls
indent_depth: its depth
thread_indent: time, thread and indentation for the calls of a thread
thread_indent_depth: its depth
start_stopwatch: starts a stopwatch by name
stop_stopwatch: stops it
delete_stopwatch: forgets it
read_stopwatch_s: its seconds
read_stopwatch_ms: its milliseconds
read_stopwatch_us: its microseconds
read_stopwatch_ns: its nanoseconds
qs_wait: a request enters a queue
qs_run: a request is taken from the queue to be serviced
qs_done: a request is done
qs_time: the clock of the queues, in microseconds
qsq_start: starts the statistics of a queue
qsq_blocked: share of the time in which requests were waiting
qsq_print: a line with the statistics of a queue
qsq_service_time: mean time of service of a request, in microseconds
qsq_throughput: requests done per microsecond
qsq_utilization: share of the time in which a request was serviced
qsq_wait_queue_length: mean number of waiting requests
qsq_wait_time: mean time of waiting and service of a request, in microseconds
"""


def descriptions() -> dict[str, str]:
    more = (ROOT / "scripts" / "function_descriptions.txt").read_text()
    pairs = (line.split(": ", 1) for line in (DESCRIPTIONS.strip() + "\n" + more).splitlines() if line)
    return {name.strip(): text for name, text in pairs}


def runs_in(row: Builtin) -> str:
    if row.kernel is not None or row.name == "pp":  # each probe kind gives pp() its kernel expression
        return "kernel"
    return "event" if row.effect is Effect.ACTION else "user"


def declared() -> Iterator[tuple[str, str, str, str]]:
    """Yield section, name, signature and where it runs, in the order of the sections."""
    for module in functions.MODULES:
        for name in sorted(functions.MODULES[module].split(), key=str.lower):
            for row in functions.lookup(name):
                parameters = ", ".join(f"{parameter}:{kind}" for parameter, kind in row.parameters)
                yield module, name, f"{name}({parameters})" + (f":{row.returns}" if row.returns else ""), runs_in(row)
    library = Library(PreprocessorFacts(os.uname().release, "5.6"), Diagnostics())
    for name in sorted(library.function_names()):
        file = library.file_of_function(name)
        for item in file.items if file is not None else ():
            if isinstance(item, ast.FunctionDeclaration) and item.name == name and not item.private:
                parameters = ", ".join(f"{p.name}:{p.type}" if p.type else p.name for p in item.parameters)
                returns = f":{item.return_type}" if item.return_type else ""
                yield "library", name, f"{name}({parameters}){returns}", "script"


def page() -> str:
    known = descriptions()
    used: set[str] = set()
    out = [HEAD]
    section = ""
    for module, name, signature, where in declared():
        if name.startswith("_"):
            continue
        if module != section:
            section = module
            title = TITLES.get(module) or module.replace("_", " ").capitalize()
            out.append(f"\n## {title}\n\n| function | what | runs in |\n|---|---|---|\n")
        used.add(name)
        out.append(f"| `{signature}` | {known.get(name, f'see `man function::{name}`')} | {where} |\n")
    lost = sorted(known.keys() - used)
    if lost:
        sys.exit(f"descriptions without a function: {lost}")
    return "".join(out)


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text() == text:
            return 0
        print("docs/functions.md is not up to date: run scripts/make_function_docs.py")
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
