from __future__ import annotations

import pytest

from pystap.diagnostics import Diagnostics
from pystap.source import SourceFile
from pystap.syntax import parse_script
from pystap.syntax.printer import print_item
from tests.syntax.helpers import FACTS, facts, macros, messages, parse, parse_well


def flat(text: str, *arguments: str) -> str:
    return " ".join(" ".join([print_item(item) for item in parse_well(text, *arguments).items]).split())


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('kernel_v == "6.1.0"', True),
        ('kernel_v >= "2.6"', True),
        ('kernel_v > "6.10"', False),
        ('kernel_v == "6.*"', True),
        ('kernel_v != "6.[23].*"', True),
        ('kernel_vr == "6.1.0"', False),
        ('kernel_vr == "*-amd64"', True),
        ('arch == "x86*" || arch == "i386"', True),
        ('arch != "x86_64"', False),
        ('runtime == "kernel"', True),
        ('runtime != "bpf"', True),
        ('systemtap_v >= "4.0"', True),
        ('systemtap_v < "10"', True),
        ('systemtap_privilege == "stapdev"', True),
        ("guru_mode == 0", True),
        ("guru_mode != 1", True),
        ('CONFIG_HZ == "250"', True),
        ("CONFIG_HZ == 250", True),
        ('CONFIG_NONE == ""', True),
        ('CONFIG_SMP != "[ym]"', False),
        ("1 < 2", True),
        ('"abc" == "a*"', False),
        ('"a" < "b"', True),
        ("1 == 1 && 2 == 3 || 3 == 3", True),
        ("1 == 1 || 2 == 2 && 3 == 4", True),
        ("1 == 2 && 1 == 1 || 1 == 3", False),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    text = f"%( {condition} %? probe yes {{}} %: probe no {{}} %)"
    assert flat(text) == f"probe {'yes' if holds else 'no'} {{ }}"


def test_configuration_is_asked_only_for_what_a_script_names() -> None:
    asked: list[str] = []

    def config(name: str) -> str | None:
        asked.append(name)
        return None

    source = SourceFile("x", '%( CONFIG_A == "y" || kernel_v > "1" %? probe a {} %)')
    parse_script(source, type(FACTS)(kernel_release="6.1", config=config), diagnostics=Diagnostics())
    assert asked == ["CONFIG_A"]


def test_compatible_overrides_the_version() -> None:
    old = type(FACTS)(compatible="2.0")
    diagnostics = Diagnostics()
    script = parse_script(
        SourceFile("x", '%( systemtap_v <= "2.3" %? probe old {} %: probe new {} %)'), old, diagnostics=diagnostics
    )
    assert print_item(script.items[0]).startswith("probe old")


def test_conditionals_nest_and_stand_anywhere() -> None:
    inner = "%( 2 == 3 %? x %: y %)"
    assert flat(f"probe a.%( 1 == 1 %? {inner} %: {inner} %) {{ z = 1 %( 1 == 2 %? + 2 %) }}") == "probe a.y { z = 1; }"
    assert flat('probe a { x = "a" %( 1 == 1 %? "b" %) "c" }') == 'probe a { x = "abc"; }'


@pytest.mark.parametrize("rest", ["'`** 99999999999999999999999", "$5 @5", "@nosuch(3)", "/* %) */", "%( x %? %: %)"])
def test_what_is_left_out_may_be_anything(rest: str) -> None:
    assert flat(f"%( 1 == 2 %? {rest} %: probe b {{}} %)") == "probe b { }"


def test_arguments() -> None:
    assert (
        flat("probe $1 { x = $# . @# . @2 @1 . $3 }", "a.b", "c", "5+5")
        == 'probe a.b { x = 3 . "3" . "ca.b" . 5 + 5; }'
    )
    assert flat('%( $# > 1 || @1 == "y" %? probe $1 {} %: probe b {} %)', "y") == "probe y { }"
    assert messages("probe begin { x = $2 }", "a") == ["command line argument out of range [1-1]"]


def test_macros() -> None:
    assert flat("@define foo %( x %) @define add(a,b) %( ((@a)+(@b)) %) probe a { @foo = @add(2,2) }") == (
        "probe a { x = 2 + 2; }"
    )
    assert flat("@define f(a,b) %( g @a h @b %) probe a { @f([1,2], i(3,4)) }") == "probe a { g[1, 2]; h; i(3, 4); }"
    assert flat("@define f(a) %( x @a %) probe a { @f() }") == "probe a { x; }"
    assert flat("@define f %( x %) probe a { @f(1) }") == "probe a { x(1); }"
    assert flat("probe a { @define f %( 1 %) x = @f }") == "probe a { x = 1; }"


def test_an_argument_that_was_not_given_matters_only_where_its_branch_is_taken() -> None:
    text = "@define m(a) %( x = @a %) probe begin { %( $# > 1 %? @m(@2) %: @m(@1) %) }"
    assert flat(text, "one") == flat('probe begin { x = "one" }')
    assert flat(text, "one", "two") == flat('probe begin { x = "two" }')


def test_macros_in_macros_and_in_their_arguments() -> None:
    both = "@define id(a) %( @a %) @define twice(b) %( @id(@b + @b) %)"
    assert flat(f"{both} probe a {{ x = @twice(@id(3)) }}") == "probe a { x = 3 + 3; }"
    assert flat("@define a %( @b %) @define b %( 1 %) probe c { x = @a }") == "probe c { x = 1; }"
    assert flat("@define f(a) %( %( @a == 1 %? y %: n %) %) probe c { @f(1) @f(2) }") == "probe c { y; n; }"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@define f %( @f %) probe a { @f }", "macro '@f' expands to itself"),
        ("@define f %( @g %) @define g %( @f %) probe a { @f }", "macro '@f' expands to itself"),
        ("@define f(a) %( @a %) probe a { @f }", "expected '(' in invocation of macro '@f' taking 1 parameter"),
        ("@define f(a) %( @a %) probe a { @f(1, 2) }", "too many parameters for macro '@f' (expected 1)"),
        ("@define f(a, b) %( @a %) probe a { @f(1) }", "too few parameters for macro '@f' (expected 2)"),
        ("@define f(a) %( @a %) probe a { @f(1 }", "could not find end of macro invocation"),
        ("@define f %( 1 %) @define f %( 2 %) probe a {}", "attempt to redefine macro '@f' in the same file"),
        ("@define f %( @define g %( %) %) probe a {}", "'@define' forbidden inside macro body"),
        ("@define f() %( 1 %) probe a {}", "expected identifier"),
        ("@define f 3 probe a {}", "expected '%(' or '('"),
        ("@define f %( 3 probe a {}", "incomplete macro definition - missing '%)'"),
        ("probe a { x = @f } @define f %( 1 %)", "unknown operator @f"),
        ("%( kernel_v > 6 %? probe a {} %) probe b {}", "expected string literal"),
        ('%( kernel_v > "6.*" %? probe a {} %) probe b {}', "wildcard not allowed with order comparison operators"),
        ('%( arch > "x" %? probe a {} %) probe b {}', "expected '==' or '!='"),
        ("%( 1 == 1 %? probe a {}", "incomplete conditional at end of file"),
        ("%( 1 == 1 %: probe a {} %) probe b {}", "expected '%?' marker for conditional"),
        ("probe a {} %)", "incomplete conditional - missing '%('"),
        ("%( 1 == 1 %? probe a {} %: probe b {} %: probe c {} %)", "invalid conditional - duplicate '%:'"),
    ],
)
def test_errors(text: str, message: str) -> None:
    assert messages(text)[0] == message


def test_macros_cannot_explode() -> None:
    levels = "".join(f"@define m{i + 1} %( @m{i} @m{i} %)\n" for i in range(20))
    text = f"@define m0 %( x x %)\n{levels} probe a {{ @m20 }}"
    assert messages(text)[0] == "macros expand to more than 200000 tokens"


def test_a_redefined_operator_is_warned_about() -> None:
    script, diagnostics = parse("@define count(x) %( 1 %) probe a { x = @count(3) }")
    assert [w.message for w in diagnostics.warnings] == ["macro redefines built-in operator '@count'"]
    assert "x = 1;" in print_item(script.items[0])


def test_what_a_macro_expands_to_names_its_use() -> None:
    text = "@define f %( a + %)\nprobe b { x = @f }"
    (error,) = parse(text)[1].errors
    assert error.span is not None
    assert [str(span) for span in error.span.chain()] == ["input.stp:2:18"]
    (error,) = parse("@define f %( ( a b ) %)\nprobe b { x = @f }")[1].errors
    assert error.span is not None
    assert [str(span) for span in error.span.chain()] == ["input.stp:1:18", "input.stp:2:15"]


def test_library_macros() -> None:
    library = macros(
        '@define one %( 1 %)\n%( kernel_v > "5" %? @define new(a) %( @one + @a %) %: @define old %( 2 %) %)'
    )
    assert sorted(library) == ["new", "one"]
    diagnostics = Diagnostics()
    source = SourceFile("x", "probe a { x = @new(3) }")
    script = parse_script(source, facts(), library, diagnostics=diagnostics)
    assert diagnostics.errors == []
    assert "x = 1 + 3;" in print_item(script.items[0])


def test_library_files_hold_only_definitions() -> None:
    macros("@define a %( 1 %) probe b {}", expect_errors=True)


def test_own_macros_hide_those_of_the_library() -> None:
    diagnostics = Diagnostics()
    source = SourceFile("x", "@define f %( own %) probe a { @f }")
    script = parse_script(source, facts(), macros("@define f %( library %)"), diagnostics=diagnostics)
    assert "own" in print_item(script.items[0])


def test_unused_arguments_can_be_told() -> None:
    used: set[int] = set()
    source = SourceFile("x", "%( 1 == 2 %? probe a { $2 } %: probe b { print(@1) } %)")
    parse_script(source, facts("a", "b", "c"), diagnostics=Diagnostics(), used_arguments=used)
    assert used == {1, 2}
