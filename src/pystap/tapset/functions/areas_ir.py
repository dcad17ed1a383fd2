"""Kernel forms of what copies an area of memory into a string: arguments of processes, buffers, paths."""

from __future__ import annotations

from ...program.builtins import IrFunction
from ..ir import READ_KERNEL, READ_KERNEL_STRING, helper, ir_function, sign_bit

READ_USER = 112

_MASK = """\
  %log.left = call i64 @llvm.ctlz.i64(i64 %out_size, i1 false)
  %log = sub i64 63, %log.left
  %power = shl i64 1, %log
  %mask = sub i64 %power, 1
  call void @llvm.memset.p0.i64(ptr align 8 %out, i8 0, i64 %out_size, i1 true)
"""
"""Makes %mask, one less than the greatest power of two that fits the buffer, and clears the buffer."""

USER_AREA = ir_function(
    "fn_user_area",
    "i64 %addr, i64 %length, ptr %out, i64 %out_size",
    _MASK
    + f"""\
  %large = icmp ugt i64 %length, %mask
  %chosen = select i1 %large, i64 %mask, i64 %length
  %hidden = call i64 asm sideeffect "", "=r,0"(i64 %chosen)
  %size = and i64 %hidden, %mask
  %from = inttoptr i64 %addr to ptr
  %failed = call i64 {helper(READ_USER)}(ptr %out, i64 %size, ptr %from)
  br label %words
words:
  %at = phi i64 [ 0, %entry ], [ %next, %words ]
  %p = getelementptr i8, ptr %out, i64 %at
  %w = load i64, ptr %p, align 8
  %low = and i64 %w, 9187201950435737471
  %carried = add i64 %low, 9187201950435737471
  %any = or i64 %carried, %w
  %not.zero = or i64 %any, 9187201950435737471
  %zero = xor i64 %not.zero, -1
  %ones = lshr i64 %zero, 7
  %filled = or i64 %w, %ones
  store i64 %filled, ptr %p, align 8
  %next = add i64 %at, 8
  %more = icmp ult i64 %next, %out_size
  br i1 %more, label %words, label %done
done:
  %length.out = sub i64 %out_size, 1
  %last = getelementptr i8, ptr %out, i64 %length.out
  store i8 0, ptr %last
  ret i64 %length.out
""",
)
"""What lies at %addr, at most as much as a string holds, each byte 0 as a byte 1; behind it more bytes 1."""


def _spread(n: str) -> str:
    """Return IR that makes of the 4 bytes in %n (an i64) 8 letters `@` to `O`, one a nibble, the low one first."""
    return f"""\
  %{n}.a = shl i64 %{n}, 16
  %{n}.b = or i64 %{n}, %{n}.a
  %{n}.c = and i64 %{n}.b, 281470681808895
  %{n}.d = shl i64 %{n}.c, 8
  %{n}.e = or i64 %{n}.c, %{n}.d
  %{n}.f = and i64 %{n}.e, 71777214294589695
  %{n}.g = shl i64 %{n}.f, 4
  %{n}.h = or i64 %{n}.f, %{n}.g
  %{n}.i = and i64 %{n}.h, 1085102592571150095
  %{n}.letters = or i64 %{n}.i, 4629771061636907072
"""


def _pieces(read: int) -> str:
    """Return IR that reads up to 255 bytes into the second half of %out, in pieces from 128 bytes down to 1.

    What is wanted, %size, may end in front of memory that cannot be read: a piece is left out where it is not wanted
    or not there. %got is how much was read.
    """
    text, size, k = "  %off0 = add i64 0, 0\n", 128, 0
    while size >= 1:
        # Before a piece the offset is a multiple of twice its size.
        text += f"""\
  %wanted{k} = sub i64 %size, %off{k}
  %over{k} = sub i64 %wanted{k}, {size}
{sign_bit(f"small{k}", f"%over{k}")}  %hidden{k} = call i64 asm sideeffect "", "=r,0"(i64 %off{k})
  %safe{k} = and i64 %hidden{k}, {256 - 2 * size}
  %half{k} = getelementptr i8, ptr %out, i64 256
  %place{k} = getelementptr i8, ptr %half{k}, i64 %safe{k}
  %from{k} = add i64 %addr, %off{k}
  %skip{k} = sub i64 0, %small{k}
  %address{k} = or i64 %from{k}, %skip{k}
  %source{k} = inttoptr i64 %address{k} to ptr
  %result{k} = call i64 {helper(read)}(ptr %place{k}, i64 {size}, ptr %source{k})
{sign_bit(f"failed{k}", f"%result{k}")}  %read{k} = sub i64 1, %failed{k}
  %gain{k} = mul i64 %read{k}, {size}
  %off{k + 1} = add i64 %off{k}, %gain{k}
"""
        size, k = size // 2, k + 1
    return text + f"  %got = add i64 %off{k}, 0\n"


def _buffer(name: str, read: int) -> str:
    return f"""\
  call void @llvm.memset.p0.i64(ptr align 8 %out, i8 0, i64 %out_size, i1 true)
  %fits = icmp uge i64 %out_size, 512
  br i1 %fits, label %read, label %none
read:
  %large = icmp ugt i64 %length, 252
  %size = select i1 %large, i64 252, i64 %length
{_pieces(read)}  br label %spread
spread:
  %at = phi i64 [ 0, %read ], [ %next, %spread ]
  %place.read = shl i64 %at, 2
  %in.half = add i64 %place.read, 256
  %p = getelementptr i8, ptr %out, i64 %in.half
  %four = load i32, ptr %p, align 4
  %n = zext i32 %four to i64
{_spread("n")}  %place.write = shl i64 %at, 3
  %q = getelementptr i8, ptr %out, i64 %place.write
  store i64 %n.letters, ptr %q, align 8
  %next = add i64 %at, 1
  %more = icmp ult i64 %next, 63
  br i1 %more, label %spread, label %done
done:
  %low = and i64 %got, 15
  %high.part = lshr i64 %got, 4
  %high = and i64 %high.part, 15
  %high.up = shl i64 %high, 8
  %count = or i64 %low, %high.up
  %count.letters = or i64 %count, 16448
  %end = getelementptr i8, ptr %out, i64 504
  store i64 %count.letters, ptr %end, align 8
  ret i64 506
none:
  ret i64 0
"""


def buffer_form(name: str, user: bool) -> IrFunction:
    """Return the form of a function (addr, length): 504 letters for 252 bytes, and 2 for how many of them were read."""
    return ir_function(name, "i64 %addr, i64 %length, ptr %out, i64 %out_size",
                       _buffer(name, READ_USER if user else READ_KERNEL))  # fmt: skip


MOST_NAMES = 24
"""Names and crossings of mount points in a path."""


def _same(name: str, left: str, right: str) -> str:
    """Return IR that makes %NAME 1 where two longs are equal and 0 else, hidden from LLVM: no branch comes of it."""
    return f"""\
  %{name}.xor = xor i64 {left}, {right}
  %{name}.neg = sub i64 0, %{name}.xor
  %{name}.or = or i64 %{name}.xor, %{name}.neg
  %{name}.sign = lshr i64 %{name}.or, 63
  %{name}.not = xor i64 %{name}.sign, 1
  %{name} = call i64 asm sideeffect "", "=r,0"(i64 %{name}.not)
"""


def _read(name: str, base: str, offset: str) -> str:
    """Return IR that makes %NAME the word at an address, 0 where it cannot be read."""
    return f"""\
  %{name}.at = add i64 {base}, {offset}
  %{name}.from = inttoptr i64 %{name}.at to ptr
  %{name}.result = call i64 {helper(READ_KERNEL)}(ptr %word, i64 8, ptr %{name}.from)
  %{name} = load i64, ptr %word
"""


def _chosen(name: str, bit: str, yes: str, no: str) -> str:
    return f"""\
  %{name}.other = xor i64 {bit}, 1
  %{name}.yes = mul i64 {bit}, {yes}
  %{name}.no = mul i64 %{name}.other, {no}
  %{name} = add i64 %{name}.yes, %{name}.no
"""


PATH_TEXT = ir_function(
    "fn_path_text",
    "i64 %dentry, i64 %mount, i64 %root, i64 %root_mount, i64 %o_parent, i64 %o_name, i64 %o_mnt_parent, "
    "i64 %o_mountpoint, i64 %o_mnt_root, ptr %out, i64 %out_size",
    f"""\
  %names = alloca [{MOST_NAMES} x i64], align 8
  %word = alloca i64, align 8
  call void @llvm.memset.p0.i64(ptr align 8 %out, i8 0, i64 %out_size, i1 true)
  %log.left = call i64 @llvm.ctlz.i64(i64 %out_size, i1 false)
  %log = sub i64 62, %log.left
  %half = shl i64 1, %log
  %mask = sub i64 %half, 1
  br label %step
step:
  %i = phi i64 [ 0, %entry ], [ %i.up, %kept ]
  %d = phi i64 [ %dentry, %entry ], [ %d.next, %kept ]
  %m = phi i64 [ %mount, %entry ], [ %m.next, %kept ]
  %left = icmp ult i64 %i, {MOST_NAMES}
  br i1 %left, label %look, label %cut
look:
{_read("parent", "%d", "%o_parent")}{_read("top", "%m", "%o_mnt_root")}{_read("outer", "%m", "%o_mnt_parent")}\
{_read("point", "%m", "%o_mountpoint")}\
{_same("root.d", "%d", "%root")}{_same("root.m", "%m", "%root_mount")}{_same("no.mount", "%m", "0")}\
{_same("on.top", "%d", "%top")}{_same("last.mount", "%outer", "%m")}\
{_same("own.parent", "%parent", "%d")}{_same("no.parent", "%parent", "0")}\
  %is.mount = xor i64 %no.mount, 1
  %cross = and i64 %on.top, %is.mount
  %inside = xor i64 %cross, 1
  %at.root = and i64 %root.d, %root.m
  %at.end = and i64 %cross, %last.mount
  %orphan = or i64 %own.parent, %no.parent
  %no.way = and i64 %inside, %orphan
  %stop.a = or i64 %at.root, %at.end
  %stop.b = or i64 %stop.a, %no.way
  %stop = icmp ne i64 %stop.b, 0
  br i1 %stop, label %walked, label %kept
kept:
  %slot.at = shl i64 %i, 3
  %slot = getelementptr i8, ptr %names, i64 %slot.at
  %named = mul i64 %inside, %d
  store i64 %named, ptr %slot, align 8
{_chosen("d.next", "%cross", "%point", "%parent")}{_chosen("m.next", "%cross", "%outer", "%m")}\
  %i.up = add i64 %i, 1
  br label %step
cut:
  store i32 3026478, ptr %out, align 4
  br label %walked
walked:
  %count = phi i64 [ %i, %look ], [ {MOST_NAMES}, %cut ]
  %offset = phi i64 [ 0, %look ], [ 3, %cut ]
  br label %write
write:
  %k = phi i64 [ %count, %walked ], [ %k.down, %next ]
  %o = phi i64 [ %offset, %walked ], [ %o.next, %next ]
  %o.hidden = call i64 asm sideeffect "", "=r,0"(i64 %o)
  %o.safe = and i64 %o.hidden, %mask
  %to.slash = getelementptr i8, ptr %out, i64 %o.safe
  %none = icmp eq i64 %k, 0
  br i1 %none, label %done, label %name
name:
  %k.down = sub i64 %k, 1
  store i8 47, ptr %to.slash
  %read.at = shl i64 %k.down, 3
  %read.slot = getelementptr i8, ptr %names, i64 %read.at
  %d.now = load i64, ptr %read.slot, align 8
{_read("pointer", "%d.now", "%o_name")}\
  %o.behind = add i64 %o.safe, 1
  %to = getelementptr i8, ptr %out, i64 %o.behind
  %source = inttoptr i64 %pointer to ptr
  %got = call i64 {helper(READ_KERNEL_STRING)}(ptr %to, i64 %mask, ptr %source)
{sign_bit("failed", "%got")}\
  %good = xor i64 %failed, 1
  %gain = mul i64 %good, %got
  %o.next = add i64 %o.safe, %gain
  %over = icmp ugt i64 %o.next, %mask
  br i1 %over, label %full, label %next
next:
  br label %write
full:
  ret i64 %o.next
done:
  store i8 0, ptr %to.slash
  %is.empty = icmp eq i64 %o.safe, 0
  br i1 %is.empty, label %slash, label %end
slash:
  store i8 47, ptr %out
  ret i64 1
end:
  ret i64 %o.safe
""",
)
"""The names from %root down to %dentry, each behind a `/`; %mount 0 keeps to one file system.

Without branches where it can be: the verifier walks each side of them in every step.
"""
