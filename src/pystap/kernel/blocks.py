"""Blocks of user memory (program/user_memory.py): a plan of reads that one function carries out, behind an event.

    argstr of openat   ->   plan of call 257: text, at most 256 bytes, at argument 1     constant data
                            read_block(plan, arguments, place)                            one call, whatever the call is

The plans are a table of constant data with a row a call, so that all system calls share the code. A plan has up to
MOST_READS reads of 16 bytes:

    0   u8    kind: 0 the end, else KINDS          6   u16   bytes an element
    1   u8    number of the address argument       8   u16   relative: offset of the pointer in the bytes read before
    2   u8    number of the count argument         10  u16   offset there of the length
    3   u8    flags                                12  u32   0
    4   u16   most bytes

The arguments lie in memory, eight of 8 bytes; the last ones stand for "no limit". Behind them are the variables of the
function: what comes back from memory is any number to the verifier, so that it does not follow each way through a read
for all the ways through the next one. All lengths and offsets are masked so that it knows their bounds.

bpf_probe_read_user_str gives the length with the NUL, but 0 for an empty string up to Linux 6.1
(strncpy_from_user_nofault of mm/maccess.c).
"""

from __future__ import annotations

from struct import Struct

from ..program.nodes import Constant, ReadBlock
from ..program.user_memory import COMPAT_CALL, UserRead
from .context import HandlerContext
from .ir import Code, Helper, Module

MOST_READS = 4
MOST_ARGUMENTS = 6
BLOCK_BYTES = 4096
"""A block is shorter than this."""
_MARGIN = 1536
"""What is read at the last offset that the masks allow still lies in the memory of a block."""
_SIZE_MASK = 1023
_KINDS = {"bytes": 1, "text": 2, "texts": 3, "pointers": 4}
_LARGEST = {"bytes": 512, "text": 512, "texts": 896, "pointers": 127}
"""The most bytes of a read, of pointers their number; four of these are less than a block."""
_LOOPS = {"texts": "read_texts", "pointers": "count_pointers"}
"""The functions for kinds of reads that loop. They stand only where a plan has such a read: the verifier walks through
each of their rounds wherever they are called."""
_RELATIVE, _HAS_LENGTH, _NARROW = 1, 2, 4
_NO_LIMIT = 7
_END, _PREVIOUS, _ADDRESS, _SIZE, _RESULT, _USED, _SLOTS = 8, 9, 10, 11, 12, 13, 14
"""Places behind the arguments."""
_READ = Struct("=BBBBHHHHI")
_ROW = MOST_READS * _READ.size
_MOST_TEXTS = 40
_LONGEST_TEXT = 128
"""Bytes of one string of several, with its NUL; the last has room for as many."""


def block_memory(h: HandlerContext, blocks: int, fixed: int) -> str:
    """Return memory for a record with `fixed` bytes of fields and that many blocks behind them."""
    return h.temporaries.scratch(fixed + blocks * BLOCK_BYTES + _MARGIN)


def read_block(h: HandlerContext, block: ReadBlock, place: str) -> str:
    """Emit the reading of a block to `place`; returns its length in bytes, below BLOCK_BYTES."""
    code = h.code
    arguments = h.temporaries.scratch(8 * _SLOTS)
    for index, argument in enumerate(block.arguments):
        code.store(h.generate.long(h, argument), code.offset(arguments, 8 * index))
    code.store("65535", code.offset(arguments, 8 * _NO_LIMIT))
    plan = _plan(h, block, arguments)
    loops = {
        (i, r.memory.kind) for reads in block.plans.values() for i, r in enumerate(reads) if r.memory.kind in _LOOPS
    }
    function = _function(h.module, sorted(loops))
    base, arguments = code.value("block", _moved(code, place)), code.value("arguments", _moved(code, arguments))
    length = code.value("length", f"call i64 {function}(ptr {plan}, ptr {arguments}, ptr {base})")
    return code.value("bytes", f"and i64 {code.opaque(length)}, {BLOCK_BYTES - 1}")


def _moved(code: Code, place: str) -> str:
    return f"getelementptr i8, ptr {place}, i64 0"


def _row(reads: tuple[UserRead, ...]) -> bytes:
    """Return a plan as constant data."""
    data = b""
    for read in reads[:MOST_READS]:
        memory = read.memory
        flags = _RELATIVE * (memory.at is not None) | _HAS_LENGTH * (memory.length_at is not None)
        flags |= _NARROW * (read.word == 4)
        count = _NO_LIMIT if read.count is None else read.count
        size = min(memory.size, _LARGEST[memory.kind])
        offsets = memory.at or 0, memory.length_at or 0
        data += _READ.pack(_KINDS[memory.kind], read.address, count, flags, size, memory.each, *offsets, 0)
    return data.ljust(_ROW, b"\0")


def _plan(h: HandlerContext, block: ReadBlock, arguments: str) -> str:
    """Emit the choice of the plan; returns its address.

    The number goes through memory, so that code for some calls is not verified for each of them.
    """
    if isinstance(block.call, Constant):
        return h.module.constant(_row(block.plans[int(block.call.value)]))
    code = h.code
    native = {call: reads for call, reads in block.plans.items() if call < COMPAT_CALL}
    compat = {call - COMPAT_CALL: reads for call, reads in block.plans.items() if call >= COMPAT_CALL}
    rows = [_row(native.get(call, ())) for call in range(max(native, default=-1) + 1)]
    first = len(rows)
    rows += [_row(compat.get(call, ())) for call in range(max(compat, default=-1) + 1)]
    rows.append(_row(()))
    table = h.module.constant(b"".join(rows))
    place = code.offset(arguments, 8 * _RESULT)
    code.line(f"store volatile i64 {h.generate.long(h, block.call)}, ptr {place}, align 8")
    call = code.value("call", f"load volatile i64, ptr {place}, align 8")
    is_compat = code.value("compat", f"icmp uge i64 {call}, {COMPAT_CALL}")
    low = code.value("low", f"and i64 {call}, {COMPAT_CALL - 1}")
    limit = code.value("limit", f"select i1 {is_compat}, i64 {len(rows) - 1 - first}, i64 {first}")
    start = code.value("start", f"select i1 {is_compat}, i64 {first}, i64 0")
    known = code.value("known", f"icmp ult i64 {low}, {limit}")
    moved = code.value("moved", f"add i64 {low}, {start}")
    index = code.opaque(code.value("index", f"select i1 {known}, i64 {moved}, i64 {len(rows) - 1}"))
    inside = code.value("inside", f"icmp ult i64 {index}, {len(rows)}")
    safe = code.opaque(code.value("safe", f"select i1 {inside}, i64 {index}, i64 0"))
    return code.value("plan", f"getelementptr i8, ptr {table}, i64 {code.value('row', f'mul i64 {safe}, {_ROW}')}")


def _function(module: Module, loops: list[tuple[int, str]]) -> str:
    """Return the function that carries out a plan; `loops`: which reads may be of which kind that loops."""
    name = "_".join(["read_block", *(f"{kind}_{number}" for number, kind in loops)])
    for kind in sorted({kind for _, kind in loops}):
        module.function(_LOOPS[kind], _texts_function() if kind == "texts" else _pointers_function())
    code = Code()
    _put(code, _END, "8")
    _put(code, _PREVIOUS, "-1")
    finish = code.name("finish")
    for number in range(MOST_READS):
        _one_read(code, number * _READ.size, finish, [kind for place, kind in loops if place == number])
    code.begin(finish)
    end = _get(code, _END)
    code.store(code.value("total", f"sub i64 {end}, 8"), "%out")
    code.ret(f"i64 {end}")
    text = code.function(f"internal i64 @{name}(ptr %plan, ptr %arguments, ptr %out) noinline")
    return module.function(name, text)


def _put(code: Code, slot: int, value: str) -> None:
    code.line(f"store volatile i64 {value}, ptr {code.offset('%arguments', 8 * slot)}, align 8")


def _get(code: Code, slot: int) -> str:
    return code.value("kept", f"load volatile i64, ptr {code.offset('%arguments', 8 * slot)}, align 8")


def _field(code: Code, at: int, bits: int) -> str:
    """Emit the load of a field of the plan, as an i64."""
    value = code.value("field", f"load i{bits}, ptr {code.offset('%plan', at)}, align {bits // 8}")
    return code.value("field", f"zext i{bits} {value} to i64")


def _argument(code: Code, at: int) -> str:
    index = code.value("index", f"and i64 {_field(code, at, 8)}, 7")
    place = code.offset("%arguments", code.value("at", f"shl i64 {index}, 3"))
    return code.load("argument", place)


def _one_read(code: Code, at: int, finish: str, loops: list[str]) -> None:
    """Emit one read of the plan; control goes on behind it, or to `finish` when the plan has ended."""
    some, done = code.name("some"), code.name("done")
    kind = _field(code, at, 8)
    code.branch(code.value("ended", f"icmp eq i64 {kind}, 0"), finish, some)
    code.begin(some)
    end = code.value("end", f"and i64 {code.opaque(_get(code, _END))}, {BLOCK_BYTES - 1}")
    head = code.offset("%out", end)
    data = code.offset(head, 8)
    address, size = _source(code, at)
    is_bytes, is_text, read = code.name("bytes"), code.name("text"), code.name("read")
    code.branch(code.value("is", f"icmp eq i64 {kind}, {_KINDS['bytes']}"), is_bytes, is_text)
    code.begin(is_bytes)
    source = code.value("source", f"inttoptr i64 {address} to ptr")
    low = code.value("low", f"trunc i64 {size} to i32")
    result = code.helper("result", Helper.PROBE_READ_USER, f"ptr {data}, i32 {low}, ptr {source}")
    bad = code.value("bad", f"icmp slt i64 {result}, 0")
    _put(code, _RESULT, code.value("got", f"select i1 {bad}, i64 -14, i64 {size}"))
    code.jump(read)
    code.begin(is_text)
    for loop in loops:
        one, several = code.name("one"), code.name("several")
        code.branch(code.value("is", f"icmp eq i64 {kind}, {_KINDS[loop]}"), several, one)
        code.begin(several)
        narrow = code.value("narrow", f"and i64 {_field(code, at + 3, 8)}, {_NARROW}")
        arguments = f"i64 {address}, ptr {data}, i64 {size}, i64 {narrow}, ptr %arguments"
        _put(code, _RESULT, code.value("got", f"call i64 @{_LOOPS[loop]}({arguments})"))
        code.jump(read)
        code.begin(one)
    source = code.value("source", f"inttoptr i64 {address} to ptr")
    low = code.value("low", f"trunc i64 {size} to i32")
    result = code.helper("result", Helper.PROBE_READ_USER_STR, f"ptr {data}, i32 {low}, ptr {source}")
    minus = code.opaque(code.value("minus", f"sub i64 0, {result}"))
    with_nul = code.value("nul", f"lshr i64 {minus}, 63")  # 1 above 0, without a branch, which would be one more way
    _put(code, _RESULT, code.value("got", f"sub i64 {result}, {with_nul}"))
    code.begin(read)
    got = _get(code, _RESULT)
    code.store(got, head)
    bad = code.value("bad", f"icmp slt i64 {got}, 0")
    start = code.value("start", f"add i64 {end}, 8")
    _put(code, _PREVIOUS, code.value("previous", f"select i1 {bad}, i64 -1, i64 {start}"))
    length = code.value("length", f"select i1 {bad}, i64 0, i64 {got}")
    padded = code.value("padded", f"add i64 {length}, 7")
    padded = code.value("padded", f"and i64 {padded}, {_SIZE_MASK & ~7}")
    _put(code, _END, code.value("end", f"add i64 {start}, {padded}"))
    code.begin(done)


def _source(code: Code, at: int) -> tuple[str, str]:
    """Emit the address and the size of a read; returns both."""
    relative, absolute, sized = code.name("relative"), code.name("absolute"), code.name("sized")
    most = _field(code, at + 4, 16)
    flags = _field(code, at + 3, 8)
    is_relative = code.value("relative", f"and i64 {flags}, {_RELATIVE}")
    code.branch(code.value("plain", f"icmp eq i64 {is_relative}, 0"), absolute, relative)

    code.begin(absolute)
    _put(code, _ADDRESS, _argument(code, at + 1))
    elements = _minimum(code, _argument(code, at + 2), "65535")
    wanted = code.value("wanted", f"mul i64 {elements}, {_field(code, at + 6, 16)}")
    _put(code, _SIZE, _minimum(code, wanted, most))
    code.jump(sized)

    code.begin(relative)
    _put(code, _ADDRESS, "0")
    _put(code, _SIZE, most)
    previous = _get(code, _PREVIOUS)
    follow = code.name("follow")
    code.branch(code.value("none", f"icmp slt i64 {previous}, 0"), sized, follow)
    code.begin(follow)
    narrow = code.value("narrow", f"and i64 {flags}, {_NARROW}")
    is_wide = code.value("wide", f"icmp eq i64 {narrow}, 0")
    mask = code.value("mask", f"select i1 {is_wide}, i64 -1, i64 4294967295")
    pointer = _word_behind(code, previous, _field(code, at + 8, 16))
    _put(code, _ADDRESS, code.value("pointer", f"and i64 {pointer}, {mask}"))
    has_length = code.value("has", f"and i64 {flags}, {_HAS_LENGTH}")
    limited = code.name("limited")
    code.branch(code.value("unlimited", f"icmp eq i64 {has_length}, 0"), sized, limited)
    code.begin(limited)
    length = _word_behind(code, previous, _field(code, at + 10, 16))
    length = code.value("length", f"and i64 {length}, {mask}")
    _put(code, _SIZE, _minimum(code, length, most))
    code.begin(sized)
    size = code.value("size", f"and i64 {code.opaque(_get(code, _SIZE))}, {_SIZE_MASK}")
    return _get(code, _ADDRESS), size


def _word_behind(code: Code, previous: str, offset: str) -> str:
    """Emit the load of 8 bytes among those that the read before gave."""
    at = code.opaque(code.value("at", f"add i64 {previous}, {offset}"))
    place = code.offset("%out", code.value("masked", f"and i64 {at}, {BLOCK_BYTES - 1}"))
    return code.value("word", f"load i64, ptr {place}, align 1")


def _minimum(code: Code, one: str, other: str) -> str:
    less = code.value("less", f"icmp ult i64 {one}, {other}")
    return code.value("least", f"select i1 {less}, i64 {one}, i64 {other}")


def _each_pointer(
    code: Code, pointer_place: str, index_place: str, loop: str, body: str, bad: str, end: str
) -> tuple[str, str]:
    """Begin a loop over the array of pointers at `%address`, each read from user memory; its body begins in `body`.

    It leaves for `bad` where the array cannot be read, for `end` at a null pointer. Returns the index and the pointer.
    """
    step = code.value("step", f"sub i64 8, {code.value('less', 'and i64 %narrow, 4')}")
    width = code.value("width", f"trunc i64 {step} to i32")
    code.store("0", index_place)
    code.begin(loop)
    index = code.load("index", index_place)
    code.store("0", pointer_place)
    address = code.value("address", f"add i64 %address, {code.value('moved', f'mul i64 {index}, {step}')}")
    source = code.value("source", f"inttoptr i64 {address} to ptr")
    result = code.helper("result", Helper.PROBE_READ_USER, f"ptr {pointer_place}, i32 {width}, ptr {source}")
    read = code.name("read")
    code.branch(code.value("fault", f"icmp slt i64 {result}, 0"), bad, read)
    code.begin(read)
    pointer = code.load("pointer", pointer_place)
    code.branch(code.value("last", f"icmp eq i64 {pointer}, 0"), end, body)
    code.begin(body)
    return index, pointer


def _next_pointer(code: Code, index: str, index_place: str, most: int, loop: str, cut: str) -> None:
    """End the body of that loop: go on with the following pointer, or to `cut` after `most`."""
    following = code.value("following", f"add i64 {index}, 1")
    code.store(following, index_place)
    code.repeat(code.value("go", f"icmp ult i64 {following}, {most}"), loop, cut)


def _texts_function() -> str:
    """Return the function that reads the strings of an array of pointers; it gives the bytes read, or -14.

    `%narrow` is 4 for pointers of 4 bytes, else 0. Where there are more strings, or one is cut, a byte 1 ends what was
    read.
    """
    code = Code()
    pointer_place, index_place = code.alloca("pointer", "i64"), code.alloca("index", "i64")
    _put(code, _USED, "0")
    loop, text, more, cut, bad, end = (code.name(n) for n in ("loop", "text", "more", "cut", "bad", "end"))
    index, pointer = _each_pointer(code, pointer_place, index_place, loop, text, bad, end)
    used = code.value("used", f"and i64 {code.opaque(_get(code, _USED))}, {_SIZE_MASK}")
    room = code.value("room", f"sub i64 %size, {used}")
    some = code.name("some")
    code.branch(code.value("full", f"icmp slt i64 {room}, {_LONGEST_TEXT}"), cut, some)
    code.begin(some)
    source = code.value("source", f"inttoptr i64 {pointer} to ptr")
    place = code.offset("%out", used)
    arguments = f"ptr {place}, i32 {_LONGEST_TEXT}, ptr {source}"
    read = code.helper("read", Helper.PROBE_READ_USER_STR, arguments)
    fine = code.name("fine")
    code.branch(code.value("fault", f"icmp slt i64 {read}, 0"), cut, fine)
    code.begin(fine)
    lower = code.opaque(code.value("lower", f"sub i64 {read}, 1"))
    read = code.value("read", f"add i64 {read}, {code.value('nul', f'lshr i64 {lower}, 63')}")  # 0 becomes 1
    _put(code, _USED, code.value("used", f"add i64 {used}, {read}"))
    code.branch(code.value("whole", f"icmp ult i64 {read}, {_LONGEST_TEXT}"), more, cut)
    code.begin(more)
    _next_pointer(code, index, index_place, _MOST_TEXTS, loop, cut)
    code.begin(cut)
    used = code.value("used", f"and i64 {code.opaque(_get(code, _USED))}, {_SIZE_MASK}")
    code.line(f"store i8 1, ptr {code.offset('%out', used)}, align 1")
    code.ret(f"i64 {code.value('length', f'add i64 {used}, 1')}")
    code.begin(bad)
    code.ret("i64 -14")
    code.begin(end)
    code.ret(f"i64 {_get(code, _USED)}")
    parameters = "i64 %address, ptr %out, i64 %size, i64 %narrow, ptr %arguments"
    return code.function(f"internal i64 @read_texts({parameters}) noinline")


def _pointers_function() -> str:
    """Return the function that counts the pointers before a null pointer: a long; a byte 1 behind it if there are more.

    It gives the bytes that it wrote, or -14. Some more pointers that cannot be read count as more.
    """
    code = Code()
    pointer_place, index_place = code.alloca("pointer", "i64"), code.alloca("index", "i64")
    loop, more, cut, bad, none, end = (code.name(n) for n in ("loop", "more", "cut", "bad", "none", "end"))
    index, _ = _each_pointer(code, pointer_place, index_place, loop, more, bad, end)
    _next_pointer(code, index, index_place, _LARGEST["pointers"], loop, cut)
    code.begin(bad)
    code.branch(code.value("first", f"icmp eq i64 {index}, 0"), none, cut)
    code.begin(none)
    code.ret("i64 -14")
    code.begin(cut)
    code.store(code.load("index", index_place), "%out")
    code.line(f"store i8 1, ptr {code.offset('%out', 8)}, align 1")
    code.ret("i64 9")
    code.begin(end)
    code.store(index, "%out")
    code.ret("i64 8")
    parameters = "i64 %address, ptr %out, i64 %size, i64 %narrow, ptr %arguments"
    return code.function(f"internal i64 @count_pointers({parameters}) noinline")
