"""Maps on the running kernel."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

import pytest

from pystap.abi.image import MapKind, MapSpec
from pystap.loader import maps
from pystap.loader.errors import KernelRefused
from pystap.loader.maps import EXIST, NOEXIST, create_map, parse_cpu_list, possible_cpus
from pystap.loader.syscalls import Command

from .support import u32, u64

pytestmark = pytest.mark.guest(native=True)


def test_cpu_list() -> None:
    assert parse_cpu_list("0-3,8\n") == (0, 1, 2, 3, 8)
    assert parse_cpu_list("0") == (0,)
    assert len(possible_cpus()) >= 1


@pytest.mark.parametrize("kind", [MapKind.HASH, MapKind.LRU_HASH])
def test_hash_elements(kind: MapKind) -> None:
    with create_map(MapSpec("h", kind, 8, 8, 100)) as table:
        assert table.lookup(u64(1)) is None
        table.update(u64(1), u64(10))
        table.update(u64(1), u64(11))
        assert table.lookup(u64(1)) == u64(11)
        with pytest.raises(OSError) as refused:
            table.update(u64(1), u64(12), NOEXIST)
        assert refused.value.errno == errno.EEXIST
        with pytest.raises(FileNotFoundError):
            table.update(u64(2), u64(12), EXIST)
        assert table.delete(u64(1)) is True
        assert table.delete(u64(1)) is False


def test_full_hash_says_so() -> None:
    with create_map(MapSpec("h", MapKind.HASH, 8, 8, 2)) as table:
        table.update(u64(1), u64(1))
        table.update(u64(2), u64(2))
        with pytest.raises(OSError) as refused:
            table.update(u64(3), u64(3))
        assert refused.value.errno == errno.E2BIG


def test_wrong_sizes_are_caught_before_the_kernel_reads_past_the_end() -> None:
    with create_map(MapSpec("h", MapKind.HASH, 8, 8, 2)) as table:
        with pytest.raises(ValueError):
            table.lookup(b"abc")
        with pytest.raises(ValueError):
            table.update(u64(1), b"abc")


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("kind", [MapKind.HASH, MapKind.PERCPU_HASH, MapKind.LRU_HASH])
def test_items_and_drain(kind: MapKind, batched: bool) -> None:
    count = 9000  # several batches
    with create_map(MapSpec("h", kind, 8, 12, 20000, no_prealloc=kind is not MapKind.LRU_HASH)) as table:
        table._batch_works = batched
        expected = {u64(i): struct.pack("<QI", i, 7) for i in range(count)}
        for key, value in expected.items():
            table.update(key, value)
        items = table.items()
        assert len(items) == count
        assert {key: table.split(value)[0] for key, value in items} == expected
        assert sorted(table.drain()) == sorted(items)
        assert table.items() == []
        assert table._batch_works is batched


def test_keys_walk() -> None:
    with create_map(MapSpec("h", MapKind.HASH, 4, 4, 10)) as table:
        for i in range(5):
            table.update(u32(i), u32(i))
        assert sorted(table.keys()) == [u32(i) for i in range(5)]


def test_percpu_values_have_one_part_for_each_cpu() -> None:
    with create_map(MapSpec("p", MapKind.PERCPU_ARRAY, 4, 12, 3)) as array:
        cpus = len(possible_cpus())
        parts = [struct.pack("<QI", cpu, cpu + 100) for cpu in range(cpus)]
        array.update(u32(2), b"".join(part.ljust(16, b"\0") for part in parts))
        assert array.lookup_percpu(u32(2)) == parts
        array.update(u32(1), b"x" * 12)
        assert array.lookup_percpu(u32(1)) == [b"x" * 12] * cpus
        assert [key for key, _ in array.items()] == [u32(0), u32(1), u32(2)]


def test_mapping_shares_memory_with_the_map() -> None:
    with create_map(MapSpec("a", MapKind.ARRAY, 4, 8, 1000, mmapable=True)) as array:
        mapping = array.mapping()
        assert len(mapping.words) == 1024  # 8000 bytes, rounded up to pages
        mapping.words[999] = -5
        assert array.lookup(u32(999)) == struct.pack("<q", -5)
        array.update(u32(0), u64(77))
        assert struct.unpack_from("<Q", mapping.memory) == (77,)
        assert array.mapping() is mapping
    with pytest.raises(ValueError):
        mapping.words[0]


def test_initial_contents_and_freezing() -> None:
    with create_map(MapSpec("r", MapKind.ARRAY, 4, 16, 1, initial=b"hello", frozen=True)) as array:
        assert array.lookup(u32(0)) == b"hello".ljust(16, b"\0")
        with pytest.raises(PermissionError):
            array.update(u32(0), bytes(16))


def test_stack_map() -> None:
    with create_map(MapSpec("s", MapKind.STACK, 0, 4, 2)) as stack:
        stack.push(u32(1))
        stack.push(u32(2))
        assert (stack.pop(), stack.pop(), stack.pop()) == (u32(2), u32(1), None)


def test_lookup_and_delete_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on 5.10, where hashes do not have the command."""
    real = maps.bpf_buffer

    def refuses(command: int, attr: object, size: int) -> int:
        if command == Command.MAP_LOOKUP_AND_DELETE_ELEM:
            raise OSError(errno.EOPNOTSUPP, "no")
        return real(command, attr, size)  # type: ignore[arg-type]

    monkeypatch.setattr(maps, "bpf_buffer", refuses)
    with create_map(MapSpec("h", MapKind.HASH, 8, 8, 4)) as table:
        table.update(u64(1), u64(10))
        assert table.lookup_and_delete(u64(1)) == u64(10)
        assert table.lookup_and_delete(u64(1)) is None


def test_refusal_names_the_map() -> None:
    with pytest.raises(KernelRefused, match=r"refused to create the map bad \(ringbuf, 100 entries\).*EINVAL"):
        create_map(MapSpec("bad", MapKind.RINGBUF, 0, 0, 100))


def test_closing_twice_and_leaving_no_descriptor() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    table = create_map(MapSpec("a", MapKind.ARRAY, 4, 8, 1, mmapable=True))
    table.mapping()
    table.close()
    table.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_drain_of_hashes_with_crowded_buckets() -> None:
    """The first batch may be too small for one bucket: the kernel says ENOSPC and more room is given."""
    with create_map(MapSpec("h", MapKind.HASH, 8, 8, 3)) as table:
        for i in range(3):
            table.update(u64(i), u64(i))
        assert sorted(table.items()) == [(u64(i), u64(i)) for i in range(3)]
