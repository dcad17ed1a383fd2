"""The locks of handlers that read and then write shared globals: a compare-and-swap on a word of `control`.

The word holds cpu + 1 of the holder. A program that finds its own CPU there has interrupted the holder, which cannot go
on before it ends, so it gives up at once; one that finds another CPU tries TRIES times. Giving up skips the handler,
which is counted. Kernels before 5.12 have no compare-and-swap: there a lock is a stack map with one token.
"""

from __future__ import annotations

from ..abi.image import MapKind, MapSpec
from ..abi.map_layout import USER_HOLDS, Counter
from .context import HandlerContext
from .ir import Code, Helper

_TOKEN = (1).to_bytes(4, "little")
TRIES = 1000
CALLBACK = "try_lock"
"""The function that bpf_loop calls; it takes two arguments."""


def token_map(lock: int) -> str:
    """Return the name of the stack map that stands for a lock where there is no compare-and-swap."""
    return f"lock_{lock}"


def token_maps(count: int) -> list[MapSpec]:
    """Return the stack maps for `count` locks, each with its token in it."""
    return [MapSpec(token_map(lock), MapKind.STACK, 0, 4, 1, initial=_TOKEN) for lock in range(count)]


def acquire(h: HandlerContext, skip: str) -> None:
    """Emit the taking of the handler's lock; without success the skip is counted and control goes to `skip`."""
    assert h.handler.lock is not None
    code, facts = h.code, h.shared.facts
    held, failed, by_user, by_other = (code.name(n) for n in ("held", "failed", "user", "other"))
    if facts.fetching_atomics:
        word = code.offset(h.control, h.shared.layout.lock_offset(h.handler.lock))
        function = _loop_function(h) if facts.bpf_loop else _native_function(h)
        holder = code.value("holder", f"call i64 {function}(ptr {word})")
    else:
        function = _token_function(h, h.handler.lock)
        holder = code.value("holder", f"call i64 {function}()")
    code.branch(code.value("got", f"icmp eq i64 {holder}, 0"), held, failed)
    code.begin(failed)
    code.branch(code.value("user", f"icmp eq i64 {holder}, {USER_HOLDS}"), by_user, by_other)
    for label, counter in ((by_user, Counter.SKIPPED_USER_LOCK), (by_other, Counter.SKIPPED_LOCK)):
        code.begin(label)
        h.count(counter)
        code.jump(skip)
    code.begin(held)


def release(h: HandlerContext) -> None:
    """Emit the release of the handler's lock."""
    assert h.handler.lock is not None
    code = h.code
    if h.shared.facts.fetching_atomics:
        word = code.offset(h.control, h.shared.layout.lock_offset(h.handler.lock))
        code.value("held", f"atomicrmw xchg ptr {word}, i64 0 seq_cst")
        return
    token = h.temporaries.buffer(8)
    code.store("1", token)
    code.helper("pushed", Helper.MAP_PUSH, f"ptr {h.module.map(token_map(h.handler.lock))}, ptr {token}, i64 0")


def _try_once(code: Code, word: str, mine: str) -> str:
    """Emit one attempt; returns who held the lock, 0 when it is ours now."""
    result = code.value("result", f"cmpxchg ptr {word}, i64 0, i64 {mine} seq_cst seq_cst")
    return code.value("holder", f"extractvalue {{ i64, i1 }} {result}, 0")


def _native_function(h: HandlerContext) -> str:
    """Return `i64 (ptr word)` with a loop that the verifier walks through: some 13,000 steps."""
    code = Code()
    mine = code.value("mine", f"add i64 {code.helper('cpu', Helper.GET_CPU, '')}, 1")
    before, loop, again, done = (code.name(n) for n in ("before", "try", "again", "done"))
    code.begin(before)
    code.begin(loop)
    tries, more = "%" + code.name("tries"), "%" + code.name("more")
    code.line(f"{tries} = phi i64 [0, %{before}], [{more}, %{again}]")
    holder = _try_once(code, "%word", mine)
    free = code.value("free", f"icmp eq i64 {holder}, 0")
    own = code.value("own", f"icmp eq i64 {holder}, {mine}")
    code.branch(code.value("decided", f"or i1 {free}, {own}"), done, again)
    code.begin(again)
    code.line(f"{more} = add i64 {tries}, 1")
    code.repeat(code.value("left", f"icmp ult i64 {more}, {TRIES}"), loop, done)
    code.begin(done)
    code.ret(f"i64 {holder}")
    return h.module.function("take_lock", code.function("internal i64 @take_lock(ptr %word) noinline"))


def _loop_function(h: HandlerContext) -> str:
    """Return `i64 (ptr word)` with bpf_loop: a few hundred verified steps whatever the number of tries.

    The callback's context is on the stack: the word's address, our number, who held the lock at the last try.
    """
    callback = Code()
    word = callback.value("word", "load ptr, ptr %state, align 8")
    mine = callback.load("mine", callback.offset("%state", 8))
    holder = _try_once(callback, word, mine)
    callback.store(holder, callback.offset("%state", 16))
    free = callback.value("free", f"icmp eq i64 {holder}, 0")
    own = callback.value("own", f"icmp eq i64 {holder}, {mine}")
    ended = callback.value("ended", f"or i1 {free}, {own}")
    callback.ret(f"i64 {callback.value('stop', f'zext i1 {ended} to i64')}")
    name = h.module.function(CALLBACK, callback.function(f"internal i64 @{CALLBACK}(i64 %index, ptr %state)"))
    code = Code()
    state = code.alloca("state", "[3 x i64]")
    mine = code.value("mine", f"add i64 {code.helper('cpu', Helper.GET_CPU, '')}, 1")
    holder = _try_once(code, "%word", mine)
    free = code.value("free", f"icmp eq i64 {holder}, 0")
    own = code.value("own", f"icmp eq i64 {holder}, {mine}")
    busy, done = code.name("busy"), code.name("done")
    code.branch(code.value("decided", f"or i1 {free}, {own}"), done, busy)
    code.begin(done)
    code.ret(f"i64 {holder}")
    code.begin(busy)
    code.line(f"store ptr %word, ptr {state}, align 8")
    code.store(mine, code.offset(state, 8))
    code.store(mine, code.offset(state, 16))
    code.helper("loops", Helper.LOOP, f"i32 {TRIES}, ptr {name}, ptr {state}, i64 0")
    code.ret(f"i64 {code.load('last', code.offset(state, 16))}")
    return h.module.function("take_lock", code.function("internal i64 @take_lock(ptr %word) noinline"))


def _token_function(h: HandlerContext, lock: int) -> str:
    """Return `i64 ()` that takes the token out of a stack map: 0, or 1 when it was not there for TRIES times."""
    code = Code()
    token = code.alloca("token", "i64")
    symbol = h.module.map(token_map(lock))
    before, loop, again, done, failed = (code.name(n) for n in ("before", "try", "again", "done", "failed"))
    code.begin(before)
    code.begin(loop)
    tries, more = "%" + code.name("tries"), "%" + code.name("more")
    code.line(f"{tries} = phi i64 [0, %{before}], [{more}, %{again}]")
    result = code.helper("result", Helper.MAP_POP, f"ptr {symbol}, ptr {token}")
    code.branch(code.value("got", f"icmp eq i64 {result}, 0"), done, again)
    code.begin(again)
    code.line(f"{more} = add i64 {tries}, 1")
    code.repeat(code.value("left", f"icmp ult i64 {more}, {TRIES}"), loop, failed)
    code.begin(done)
    code.ret("i64 0")
    code.begin(failed)
    code.ret("i64 1")
    return h.module.function(f"take_lock_{lock}", code.function(f"internal i64 @take_lock_{lock}() noinline"))
