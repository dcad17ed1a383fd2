from __future__ import annotations

import ctypes

from hypothesis import given
from hypothesis import strategies as st

from pystap.syntax.versions import compare_versions, matches

_LIBC = ctypes.CDLL(None)
_VERSIONS = st.text(alphabet="0019a.-", max_size=8)


def sign(value: int) -> int:
    return (value > 0) - (value < 0)


@given(_VERSIONS, _VERSIONS)
def test_the_order_is_that_of_the_c_library(a: str, b: str) -> None:
    assert sign(compare_versions(a, b)) == sign(_LIBC.strverscmp(a.encode(), b.encode()))


def test_patterns() -> None:
    assert matches("2.6.13-1smp", "2.6.13*smp")
    assert not matches("2.6.13", "2.6.1")
    assert matches("y", "[ym]")
    assert not matches("Y", "[ym]")
