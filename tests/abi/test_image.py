"""Images survive being written and read; what is not an image is refused."""

from __future__ import annotations

import marshal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystap.abi.image import (
    FunctionInfo,
    MapKind,
    MapSpec,
    ObjectImage,
    ProgramKind,
    ProgramSpec,
    Relocation,
    RelocationKind,
    TailCall,
)

maps = st.builds(
    MapSpec,
    name=st.text(max_size=15),
    kind=st.sampled_from(list(MapKind)),
    key_size=st.integers(0, 512),
    value_size=st.integers(0, 1 << 16),
    max_entries=st.integers(1, 1 << 24),
    mmapable=st.booleans(),
    no_prealloc=st.booleans(),
    initial=st.none() | st.binary(max_size=64),
    frozen=st.booleans(),
)
relocations = st.builds(
    Relocation,
    offset=st.integers(0, 1 << 16),
    kind=st.sampled_from(list(RelocationKind)),
    symbol=st.text(max_size=15),
    addend=st.integers(-(1 << 31), (1 << 31) - 1),
)
functions = st.builds(
    FunctionInfo,
    instruction=st.integers(0, 1 << 16),
    name=st.text(max_size=15),
    argument_count=st.integers(0, 5),
    is_static=st.booleans(),
)
programs = st.builds(
    ProgramSpec,
    name=st.text(max_size=15),
    kind=st.sampled_from(list(ProgramKind)),
    code=st.binary(max_size=64),
    relocations=st.lists(relocations, max_size=3).map(tuple),
    functions=st.lists(functions, max_size=3).map(tuple),
    attach_btf_id=st.integers(0, 1 << 20),
    attach_module=st.text(max_size=8),
    expected_attach_type=st.none() | st.integers(0, 60),
    sleepable=st.booleans(),
)
calls = st.builds(TailCall, map=st.text(max_size=8), index=st.integers(0, 100), program=st.text(max_size=8))
images = st.builds(
    ObjectImage,
    maps=st.lists(maps, max_size=3).map(tuple),
    programs=st.lists(programs, max_size=3).map(tuple),
    tail_calls=st.lists(calls, max_size=3).map(tuple),
)


@given(images)
def test_round_trip(image: ObjectImage) -> None:
    again = ObjectImage.from_bytes(image.to_bytes())
    assert again == image
    assert [type(m.kind) for m in again.maps] == [MapKind] * len(image.maps)
    assert [type(p.kind) for p in again.programs] == [ProgramKind] * len(image.programs)


@pytest.mark.parametrize("data", [b"", b"x", marshal.dumps(5), marshal.dumps(()), marshal.dumps((999, (), (), ()))])
def test_refuses_what_is_not_an_image(data: bytes) -> None:
    with pytest.raises(ValueError):
        ObjectImage.from_bytes(data)


def test_kinds_of_map() -> None:
    assert MapKind.PERCPU_HASH.is_percpu
    assert not MapKind.HASH.is_percpu
    assert MapKind.PERCPU_ARRAY.is_array
    assert not MapKind.RINGBUF.is_array
