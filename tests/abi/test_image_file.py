"""Session images as files."""

from __future__ import annotations

import pytest

from pystap.abi.image import MapKind, MapSpec, ProgramKind, ProgramSpec, Relocation, RelocationKind
from pystap.abi.image_file import NotAnImage, from_bytes, to_bytes
from pystap.abi.session_image import ErrorPlace
from pystap.program.attach import Never, PerfClock, Phase, Syscalls, Timer
from pystap.program.symbols import StorageKind
from pystap.program.types import Type
from tests.runtime.images import ImageMaker, array_global, long_global


def maker() -> ImageMaker:
    made = ImageMaker(max_string=256, max_errors=3)
    made.globals += [long_global("n", StorageKind.SHARED, lock=2, initial=-5)]
    made.globals += [array_global("a", (Type.LONG, Type.STRING), (0, 20), Type.STATISTIC, maps=("a_a",))]
    for attach in (Phase("begin", 3), Timer(5, 2), Never()):
        made.user("point", attach, "pass", reads=("n",), writes=("a",))
    code = bytes(range(24))
    relocation = Relocation(8, RelocationKind.MAP_VALUE, "control", 64)
    for name, attach in (("one", Syscalls(True, frozenset({1, 2}))), ("two", PerfClock(1000, True))):
        made.kernel("point", attach, ProgramSpec(name, ProgramKind.RAW_TRACEPOINT, code, (relocation,)))
    made.maps.append(MapSpec("control", MapKind.ARRAY, 4, 4096, 1, mmapable=True, initial=b"\1"))
    made.event(0, 3, "pass", reads=("n",))
    made.errors.append(ErrorPlace("division by 0 near x", 3))
    return made


def test_an_image_comes_back_as_it_was() -> None:
    image = maker().image()
    assert from_bytes(to_bytes(image)) == image


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x7fELF" + bytes(60), "not an image made by pystap (stap -p4)"),
        (b"", "not an image made by pystap (stap -p4)"),
        (to_bytes(maker().image())[:-1], "a damaged image"),
        (to_bytes(maker().image())[:8] + b"\xff\0\0\0" + bytes(20), "an image made by another version of pystap"),
    ],
)
def test_other_files_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(NotAnImage) as caught:
        from_bytes(data)
    assert str(caught.value) == reason


def test_an_image_of_another_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = to_bytes(maker().image())
    monkeypatch.setattr("sys.implementation.cache_tag", "cpython-399")
    with pytest.raises(NotAnImage, match="another Python"):
        from_bytes(data)
