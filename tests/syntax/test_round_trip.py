"""What the printer writes parses to the tree that it was made from."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pystap.diagnostics import Diagnostics
from pystap.source import NO_SPAN, SourceFile
from pystap.syntax import PreprocessorFacts, ast, parse_script
from pystap.syntax.at_operators import AT_OPERATORS, HISTOGRAMS
from pystap.syntax.lexer import Token, tokenize
from pystap.syntax.print_expressions import print_expression
from pystap.syntax.printer import print_script
from tests.syntax.helpers import expression, parse_well, shape

EXAMPLES = sorted(Path("/usr/share/systemtap/examples").rglob("*.stp"))

NOT_A_SCRIPT = {"security-bandaid-template"}
ARGUMENTS = {"errsnoop": ("3",), "periodic": ("3",), "iostat-scsi": ("3",), "watchdog": ("foo", "foo", "3")}
KNOWN = {"@define", *AT_OPERATORS, *HISTOGRAMS}

SCRIPT = """
global a%[10], b = -3, c = "q\\"\\n\\001\\377"
private global d[5]
probe x.y("z").w(-2)? if (b > 1), u! {}
probe t = v = kernel.{function("f*"), a.b}? { a[1, "x"] <<< -(-9223372036854775808) }
probe p = q { x } , { y }
private function f:string(g:long, h) : 4 { if (a) { return } else if (b) return 1 else ; while (1) next }
function e() %{ C %}
probe begin {
  foreach (v = [k, l+] in a[1, *] limit 2 + 3) break
  foreach (k in a @avg-) continue
  for (;;) ; for (i = 0; i < 3; i++) { try { x } catch (m) { y } }
  ($x)->y[1] + (z)[2] + &@cast(p, "t", "m")->a$ . $x$$ + (a ? b : c)->d + &(w)
  print(@hist_linear(a, -1, 2, 3)) @hist_log(a)[1] - -1 + (- --i) ! ~i
  delete a[*, 3]; [1, *] in a; !([x] in a) ? (y = 1) : (z = 2); (u ? v : w) ? 1 : 2
  @defined($a) && @choose_defined($a, 0) == %{ 1 %} . @var("q")[3]$
  (x =~ "r") == 1; (x << y) . z; x - (y - z); (x . y) . z; x . (y . z)
}
%{ top %}
"""


def reparse(script: ast.ScriptFile) -> ast.ScriptFile:
    return parse_well(print_script(script), guru=True)


def test_a_script_with_everything() -> None:
    script = parse_well(SCRIPT, guru=True)
    again = reparse(script)
    assert shape(again.items) == shape(script.items)
    assert print_script(again) == print_script(script)


def _dummy_macros(text: str) -> str:
    """Define the library macros that an example uses, well enough for it to be parsed."""
    tokens = tokenize(SourceFile("example", text), ("x",) * 9)
    own = {after.text for token, after in pairwise(tokens) if token.tag == "@define"}
    made = {}
    for index, token in enumerate(tokens):
        name = token.tag[1:]
        if token.tag[0] == "@" and len(name) > 4 and token.tag not in KNOWN and name not in own:
            made[name] = (
                f"({_parameters(tokens[index + 2 :])}) %( 0 %)" if tokens[index + 1].tag == "(" else f" %( {name} %)"
            )
    return "".join(f"@define {name}{rest}\n" for name, rest in made.items())


def _parameters(tokens: list[Token]) -> str:
    """Return as many parameter names as there are arguments up to the closing parenthesis."""
    depth = commas = 0
    for token in tokens:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.tag, 0)
        commas += token.tag == "," and depth == 0
        if depth < 0:
            break
    return ", ".join("abcdefghijkl"[: commas + 1])


@pytest.mark.skipif(not EXAMPLES, reason="SystemTap's examples are not installed")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_of_systemtap(path: Path) -> None:
    if path.stem in NOT_A_SCRIPT:
        pytest.skip("a template, not a script")
    text = path.read_text(errors="surrogateescape")
    facts = PreprocessorFacts(kernel_release="6.1.0", arguments=ARGUMENTS.get(path.stem, ("foo",) * 9), guru_mode=True)
    diagnostics = Diagnostics()
    script = parse_script(SourceFile(path.name, _dummy_macros(text) + text), facts, diagnostics=diagnostics)
    assert [f"{d.span} {d.message}" for d in diagnostics.errors] == []
    assert shape(reparse(script).items) == shape(script.items)


_NAMES = st.sampled_from(["a", "b", "$c", "d1"])


def _name(text: str) -> ast.Expression:
    return ast.TargetVariable(text, span=NO_SPAN) if text[0] == "$" else ast.Name(text, span=NO_SPAN)


_LEAVES: st.SearchStrategy[ast.Expression] = st.one_of(
    _NAMES.map(_name),
    st.integers(-(1 << 63), (1 << 63) - 1).map(lambda value: ast.Number(value, span=NO_SPAN)),
    st.text(alphabet=st.characters(max_codepoint=255), max_size=5).map(lambda value: ast.String(value, span=NO_SPAN)),
)
_BINARY: list[ast.BinaryOperator] = [
    "*", "/", "%", "+", "-", ".", "<<", ">>", ">>>", "<", ">", "<=", ">=", "==", "!=", "&", "^", "|", "&&", "||",
]  # fmt: skip
_UNARY: list[ast.UnaryOperator] = ["-", "+", "!", "~"]
_ASSIGN: list[ast.AssignOperator] = ["=", "+=", "<<<", ".="]
_STEPS: list[Literal["++", "--"]] = ["++", "--"]


def _larger(inner: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Expression]:
    array = ast.Name("arr", span=NO_SPAN)
    keys = st.lists(inner, min_size=1, max_size=2).map(tuple)
    return st.one_of(
        st.builds(ast.Binary, st.sampled_from(_BINARY), inner, inner, span=st.just(NO_SPAN)),
        st.builds(ast.Unary, st.sampled_from(_UNARY), inner, span=st.just(NO_SPAN)),
        st.builds(ast.Assign, st.sampled_from(_ASSIGN), inner, inner, span=st.just(NO_SPAN)),
        st.builds(ast.Conditional, inner, inner, inner, span=st.just(NO_SPAN)),
        st.builds(ast.Increment, st.sampled_from(_STEPS), st.booleans(), inner, span=st.just(NO_SPAN)),
        st.builds(ast.In, keys, st.just(array), span=st.just(NO_SPAN)),
        st.builds(ast.Element, st.just(array), keys, span=st.just(NO_SPAN)),
        st.builds(ast.Call, st.just("f"), keys, span=st.just(NO_SPAN)),
        inner.map(lambda e: ast.Binary("=~", e, ast.String("r", span=NO_SPAN), span=NO_SPAN)),
    )


@settings(max_examples=300, deadline=None)
@given(st.recursive(_LEAVES, _larger, max_leaves=12))
def test_any_expression(tree: ast.Expression) -> None:
    assert shape(expression(print_expression(tree))) == shape(tree)
