"""C++ names: what patterns for them are compared with."""

from __future__ import annotations

import pytest

from pystap.debuginfo.demangle import demangle, known_as, qualified, telling_word, without_templates


@pytest.mark.parametrize(
    ("mangled", "name"),
    [
        ("_ZN5fruit6Seller4sellEi", "fruit::Seller::sell"),
        ("_ZN5fruit6SellerclEi", "fruit::Seller::operator()"),
        ("_ZN5fruit6BasketIiE3putEi", "fruit::Basket<int>::put"),
        ("_ZN12_GLOBAL__N_16secretEi", "(anonymous namespace)::secret"),
        ("_Z4pickIiET_S0_S0_", "pick<int>"),
        ("_ZNK4Text4sizeEv", "Text::size"),
        ("_ZN4TextcvbEv", "Text::operator bool"),
        ("_ZlsRSoRK4Text", "operator<<"),
        ("_ZN4TextC1EPKc", "Text::Text"),
        ("_ZN4TextD2Ev", "Text::~Text"),
        ("_Z5applyPFiiE", "apply"),
        ("main", "main"),
        ("_ZN1r5Point3sum17hd73c79399df815dbE", "r::Point::sum"),  # of rustc, with a hash behind
        (
            "_ZN53_$LT$alloc..vec..Vec$LT$u8$GT$$u20$as$u20$r..Area$GT$4area17h63d846838a288d6cE",
            "<alloc::vec::Vec<u8> as r::Area>::area",
        ),
    ],
)
def test_names_without_parameters(mangled: str, name: str) -> None:
    assert qualified(demangle(mangled)) == name


def test_ways_to_write_a_name() -> None:
    assert list(known_as("_ZN5fruit6BasketIiE3putEi")) == [
        "fruit::Basket<int>::put", "Basket<int>::put", "put", "fruit::Basket::put", "Basket::put", "put",
    ]  # fmt: skip
    assert without_templates("Map<int, List<char> >::find") == "Map::find"


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("Basket::put", "Basket"),
        ("*::getFunction", "getFunction"),
        ("Sell*::x", "Sell"),
        ("*tring*", ""),  # may be a part of string
        ("std::string::*", ""),
        ("*", ""),
        ("Queue<int>::push", "Queue"),
    ],
)
def test_a_word_that_mangled_names_must_have(pattern: str, word: str) -> None:
    assert telling_word(pattern) == word
