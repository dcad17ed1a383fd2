"""Globals between Python and maps, with this test in the role of the kernel programs."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator

import pytest

from pystap.abi.image import MapKind, MapSpec
from pystap.abi.map_layout import GENERATION_OFFSET, LOCKS_OFFSET, USER_HOLDS
from pystap.abi.session_image import GlobalLayout
from pystap.loader.image import LoadedImage
from pystap.loader.maps import possible_cpus
from pystap.program.symbols import StorageKind
from pystap.program.types import Type
from pystap.runtime.globals_store import GlobalsStore
from pystap.runtime.on_demand import MemoryReader, SessionLock
from pystap.user.globals import Globals, new_globals

from .images import ImageMaker, array_global, long_global, string_global
from .programs import CONTROL

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to create maps")

CPUS = len(possible_cpus())
KEY = b"alpha".ljust(16, b"\0")


@pytest.fixture
def loaded() -> Iterator[LoadedImage]:
    with LoadedImage() as image:
        image.add_map(CONTROL)
        yield image


def store_of(loaded: LoadedImage, layout: GlobalLayout, *maps: MapSpec) -> tuple[GlobalsStore, Globals]:
    for spec in maps:
        loaded.add_map(spec)
    maker = ImageMaker()
    maker.globals.append(layout)
    values = new_globals(maker.globals)
    store = GlobalsStore(maker.image(), values, loaded)
    store.publish()
    return store, values


def percpu_longs(*numbers: int) -> bytes:
    return struct.pack(f"={CPUS}q", *numbers, *[0] * (CPUS - len(numbers)))


def test_shared_scalars_and_what_a_handler_writes(loaded: LoadedImage) -> None:
    layout = string_global("s", 15, storage=StorageKind.SHARED, offset=8, initial="first")
    store, values = store_of(loaded, layout, MapSpec("globals", MapKind.ARRAY, 4, 64, 1, mmapable=True))
    memory = loaded.maps["globals"].mapping().memory
    assert memory[8:24] == b"first".ljust(16, b"\0")
    memory[8:24] = b"kernel".ljust(16, b"\0")
    access = store.access(("s",), ("s",))
    assert access is not None

    def body() -> None:
        assert values.v_s == "kernel"
        values.v_s = "user"

    store.run(access, body)
    assert memory[8:24] == b"user".ljust(16, b"\0")


def test_shared_arrays_are_read_and_changed_elements_written(loaded: LoadedImage) -> None:
    layout = array_global("a", storage=StorageKind.SHARED, maps=("a_a",))
    store, values = store_of(loaded, layout, MapSpec("a_a", MapKind.HASH, 16, 8, 64))
    table = loaded.maps["a_a"]
    table.update(KEY, struct.pack("=q", 5))
    table.update(b"gone".ljust(16, b"\0"), struct.pack("=q", 1))
    access = store.access((), ("a",))
    assert access is not None

    def body() -> None:
        assert values.v_a.elements == {"alpha": 5, "gone": 1}
        values.v_a.elements["alpha"] = -6
        values.v_a.elements["new"] = 7
        del values.v_a.elements["gone"]

    store.run(access, body)
    found = {key.rstrip(b"\0"): struct.unpack("=q", value)[0] for key, value in table.items()}
    assert found == {b"alpha": -6, b"new": 7}


def test_add_only_scalars_keep_additions_made_during_a_handler(loaded: LoadedImage) -> None:
    layout = long_global("n", StorageKind.ADD_ONLY, initial=10)
    store, values = store_of(loaded, layout, MapSpec("adds", MapKind.ARRAY, 4, 2 * CPUS * 64, 1, mmapable=True))
    words = loaded.maps["adds"].mapping().words
    words[0], words[8 * CPUS] = 3, 4  # both buffers of CPU 0
    access = store.access(("n",), ("n",))
    assert access is not None

    def body() -> None:
        assert values.v_n == 17
        words[0] += 100
        values.v_n = 0

    store.run(access, body)
    store.detach()
    assert values.v_n == 100


def test_add_only_arrays_sum_the_cpus_and_keep_what_user_handlers_add(loaded: LoadedImage) -> None:
    layout = array_global("a", (Type.LONG, Type.STRING), (0, 15), storage=StorageKind.ADD_ONLY, maps=("a_a",))
    store, values = store_of(loaded, layout, MapSpec("a_a", MapKind.PERCPU_HASH, 24, 8, 64))
    key = struct.pack("=q", -1) + KEY
    loaded.maps["a_a"].update(key, percpu_longs(1, 2))
    access = store.access(("a",), ("a",))
    assert access is not None

    def body() -> None:
        assert values.v_a.elements == {(-1, "alpha"): 3}
        values.v_a.elements[-1, "alpha"] += 10

    store.run(access, body)
    loaded.maps["a_a"].update(key, percpu_longs(2, 2))
    store.detach()
    assert values.v_a.elements == {(-1, "alpha"): 14}


def test_drained_arrays_lose_nothing_when_a_handler_clears_them(loaded: LoadedImage) -> None:
    layout = array_global("a", storage=StorageKind.DRAINED, maps=("a_a", "b_a"))
    maps = [MapSpec(name, MapKind.PERCPU_HASH, 16, 8, 64) for name in ("a_a", "b_a")]
    store, values = store_of(loaded, layout, *maps)
    control = loaded.maps["control"].mapping().words
    access = store.access(("a",), ("a",))
    reading = store.access(("a",), ())
    assert access is not None
    assert reading is not None
    seen = []

    def add(number: int) -> None:
        active = loaded.maps["b_a" if control[GENERATION_OFFSET // 8] & 1 else "a_a"]
        old = active.lookup_percpu(KEY)
        before = struct.unpack("=q", old[0])[0] if old else 0
        active.update(KEY, percpu_longs(before + number))

    def clear() -> None:
        add(1000)  # a kernel handler that runs meanwhile
        seen.append(dict(values.v_a.elements))
        values.v_a.elements.clear()

    add(1)
    store.run(reading, lambda: seen.append(dict(values.v_a.elements)))
    store.run(access, clear)
    add(5)
    store.run(reading, lambda: seen.append(dict(values.v_a.elements)))
    store.run(access, clear)
    store.detach()
    seen.append(dict(values.v_a.elements))
    assert seen == [{"alpha": 1}, {"alpha": 1}, {"alpha": 1005}, {"alpha": 1005}, {"alpha": 1000}]


def test_drained_statistics_merge_the_cpus(loaded: LoadedImage) -> None:
    layout = GlobalLayout("s", Type.STATISTIC, 0, False, (), (), 2048, False, None, StorageKind.DRAINED, None,
                          maps=("a_s", "b_s"))  # fmt: skip
    maps = [MapSpec(name, MapKind.PERCPU_ARRAY, 4, 32, 1) for name in ("a_s", "b_s")]
    store, values = store_of(loaded, layout, *maps)
    parts = struct.pack("=4q", 2, 30, 10, 20) + struct.pack("=4q", 1, 5, 5, 5)
    loaded.maps["a_s"].update(bytes(4), parts.ljust(32 * CPUS, b"\0"))
    access = store.access((), ("s",))
    assert access is not None
    store.run(access, lambda: values.v_s.add(7))
    store.detach()
    statistic = values.v_s
    assert (statistic.count, statistic.sum, statistic.low, statistic.high) == (4, 42, 5, 20)


def test_add_only_statistics_keep_what_user_handlers_add(loaded: LoadedImage) -> None:
    layout = array_global("a", value=Type.STATISTIC, storage=StorageKind.ADD_ONLY, maps=("a_a",), reads_variance=True)
    store, values = store_of(loaded, layout, MapSpec("a_a", MapKind.PERCPU_HASH, 16, 48, 64))
    part = struct.pack("=6q", 2, 30, 10, 20, 15, 50)
    loaded.maps["a_a"].update(KEY, part.ljust(48 * CPUS, b"\0"))
    access = store.access(("a",), ("a",))
    assert access is not None
    store.run(access, lambda: values.v_a.elements["alpha"].add(3))
    store.detach()
    found = values.v_a.elements["alpha"]
    assert (found.count, found.sum, found.low, found.high) == (3, 33, 3, 20)
    assert found.variance(("", "")) == 73  # of 10, 20, 3: 146 / 2


def test_the_lock_is_held_while_a_handler_writes_and_freed_for_one_that_reads(loaded: LoadedImage) -> None:
    layout = long_global("n", StorageKind.SHARED, lock=1, initial=3)
    store, _ = store_of(loaded, layout, MapSpec("globals", MapKind.ARRAY, 4, 64, 1, mmapable=True))
    words = loaded.maps["control"].mapping().words
    word = (LOCKS_OFFSET + 64) // 8
    held = []
    for writes in ((), ("n",)):
        access = store.access(("n",), writes)
        assert access is not None
        store.run(access, lambda: held.append(words[word]))
    assert held == [0, USER_HOLDS]
    assert words[word] == 0


def test_a_lock_that_a_program_holds_is_given_up_on(loaded: LoadedImage) -> None:
    words = loaded.maps["control"].mapping().words
    lock = SessionLock(loaded, 0, LOCKS_OFFSET)
    words[LOCKS_OFFSET // 8] = 1
    assert not lock.acquire(patience=0.05)
    assert words[LOCKS_OFFSET // 8] == 1
    words[LOCKS_OFFSET // 8] = 0
    assert lock.acquire()
    assert words[LOCKS_OFFSET // 8] == USER_HOLDS
    lock.release(words)
    assert words[LOCKS_OFFSET // 8] == 0


def test_a_token_stands_for_the_lock_on_old_kernels(loaded: LoadedImage) -> None:
    tokens = loaded.add_map(MapSpec("lock_0", MapKind.STACK, 0, 4, 1))
    tokens.push(b"\1\0\0\0")
    words = loaded.maps["control"].mapping().words
    lock, other = SessionLock(loaded, 0, LOCKS_OFFSET), SessionLock(loaded, 0, LOCKS_OFFSET)
    assert lock.acquire()
    assert not other.acquire(patience=0.02)
    lock.release(words)
    assert other.acquire(patience=0.02)


def test_kernel_memory_is_read_on_demand() -> None:
    with open("/proc/kallsyms", encoding="ascii") as file:
        address = next(int(line.split()[0], 16) for line in file if line.split()[2] == "vfs_read")
    reader = MemoryReader()
    try:
        code = reader.read_kernel(address, 64)
        assert code is not None
        assert len(code) == 64
        assert reader.read_kernel(address + 8, 8) == code[8:16]
        assert reader.read_kernel(0, 8) is None
    finally:
        reader.close()


def test_user_memory_is_read_from_a_process() -> None:
    text = ctypes.create_string_buffer(b"in this process")
    reader = MemoryReader()
    assert reader.read_user(os.getpid(), ctypes.addressof(text), 15) == b"in this process"
    assert reader.read_user(os.getpid(), 8, 4) is None
