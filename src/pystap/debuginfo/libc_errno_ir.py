"""The eBPF part of libc_errno.py: a word of a library that the current process has loaded."""

from __future__ import annotations

from ..program.builtins import IrFunction

_READ_KERNEL, _READ_USER = "inttoptr (i64 113 to ptr)", "inttoptr (i64 112 to ptr)"
_AT_PHDR, _PT_PHDR, _PT_DYNAMIC, _DT_DEBUG = 3, 6, 2, 21
_MOST_PAIRS, _MOST_HEADERS, _MOST_TAGS, _MOST_FILES = 26, 16, 64, 100
_UNMAPPED = 1 << 62
"""An address that cannot be read, whatever is added to it."""


def _read(result: str, helper: str, size: int, address: str) -> str:
    return f"""\
  %{result}.from = inttoptr i64 {address} to ptr
  %{result}.failed = call i64 {helper}(ptr %buffer, i64 {size}, ptr %{result}.from)
  %{result}.bad = icmp ne i64 %{result}.failed, 0
"""


def _search(name: str, before: str, place: str, helper: str, key: int, most: int, found: str) -> str:
    """Return a loop over pairs of words (key, value) at `place`; it leaves for `found` with the key's `%NAME.value`."""
    return f"""\
  br label %{name}s
{name}s:
  %{name} = phi i64 [ 0, %{before} ], [ %{name}.next, %{name}.other ]
  %{name}.offset = shl i64 %{name}, 4
  %{name}.at = add i64 {place}, %{name}.offset
{_read(name, helper, 16, f"%{name}.at")}  br i1 %{name}.bad, label %none, label %{name}.read
{name}.read:
  %{name}.key = load i64, ptr %buffer, align 8
  %{name}.value = load i64, ptr %second, align 8
  %{name}.found = icmp eq i64 %{name}.key, {key}
  br i1 %{name}.found, label %{found}, label %{name}.other
{name}.other:
  %{name}.next = add i64 %{name}, 1
  %{name}.left = icmp ult i64 %{name}.next, {most}
  br i1 %{name}.left, label %{name}s, label %none
"""


LIBRARY_WORD = IrFunction(
    "fn_library_word",
    f"""\
define internal i64 @fn_library_word(i64 %vector, i64 %dynamic, i64 %place) alwaysinline nounwind "no-builtins" {{
entry:
  %buffer = alloca [32 x i8], align 8
  %second = getelementptr i8, ptr %buffer, i64 8
  %third = getelementptr i8, ptr %buffer, i64 16
  %fourth = getelementptr i8, ptr %buffer, i64 24
{_search("pair", "entry", "%vector", _READ_KERNEL, _AT_PHDR, _MOST_PAIRS, "segments")}
segments:
  %number = phi i64 [ 0, %pair.read ], [ %number.next, %segment.other ]
  %moved = phi i64 [ 0, %pair.read ], [ %moved.now, %segment.other ]
  %segment.offset = mul i64 %number, 56
  %segment.at = add i64 %pair.value, %segment.offset
{_read("segment", _READ_USER, 24, "%segment.at")}  br i1 %segment.bad, label %none, label %segment.read
segment.read:
  %kind = load i32, ptr %buffer, align 8
  %address = load i64, ptr %third, align 8
  %is.dynamic = icmp eq i32 %kind, {_PT_DYNAMIC}
  br i1 %is.dynamic, label %found.dynamic, label %segment.other
segment.other:
  %is.own = icmp eq i32 %kind, {_PT_PHDR}
  %distance = sub i64 %pair.value, %address
  %moved.now = select i1 %is.own, i64 %distance, i64 %moved
  %number.next = add i64 %number, 1
  %segment.left = icmp ult i64 %number.next, {_MOST_HEADERS}
  br i1 %segment.left, label %segments, label %none

found.dynamic:
  %tags.at = add i64 %address, %moved
{_search("tag", "found.dynamic", "%tags.at", _READ_USER, _DT_DEBUG, _MOST_TAGS, "files")}
files:
  %first.at = add i64 %tag.value, 8
{_read("first", _READ_USER, 8, "%first.at")}  br i1 %first.bad, label %none, label %first.read
first.read:
  %first.file = load i64, ptr %buffer, align 8
  br label %each
each:
  %file.number = phi i64 [ 0, %first.read ], [ %file.next.number, %file.other ]
  %file = phi i64 [ %first.file, %first.read ], [ %file.next, %file.other ]
{_read("file", _READ_USER, 32, "%file")}  br i1 %file.bad, label %none, label %file.read
file.read:
  %base = load i64, ptr %buffer, align 8
  %own.dynamic = load i64, ptr %third, align 8
  %file.next = load i64, ptr %fourth, align 8
  %own.place = sub i64 %own.dynamic, %base
  %is.wanted = icmp eq i64 %own.place, %dynamic
  br i1 %is.wanted, label %found, label %file.other
file.other:
  %file.next.number = add i64 %file.number, 1
  %file.left = icmp ult i64 %file.next.number, {_MOST_FILES}
  br i1 %file.left, label %each, label %none

found:
  %word.at = add i64 %base, %place
{_read("word", _READ_USER, 8, "%word.at")}  br i1 %word.bad, label %none, label %known
known:
  %word = load i64, ptr %buffer, align 8
  ret i64 %word
none:
  ret i64 {_UNMAPPED}
}}
""",
)
"""(vector, dynamic, place): the 8 bytes at an address of the library's file whose dynamic section is at `dynamic`.

`vector` is where the kernel has the process's auxiliary vector. Where there is no such library what is returned makes
no address that can be read.
"""
