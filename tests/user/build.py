"""Programs made by hand from nodes, and a session that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pystap.program import nodes as n
from pystap.program.attach import Phase
from pystap.program.builtins import Builtin, Effect
from pystap.program.limits import Limits
from pystap.program.program import ElaboratedProgram, Handler, Target
from pystap.program.symbols import Global, Local
from pystap.program.types import Type
from pystap.source import SourceFile, Span
from pystap.user import generate, load
from pystap.user.arrays import ScriptArray
from pystap.user.codegen import UserCode
from pystap.user.globals import Globals, attribute_name
from pystap.user.statistics import Statistic

LONG, STRING, STAT = Type.LONG, Type.STRING, Type.STATISTIC
SCRIPT = SourceFile("t.stp", "probe begin { while (1) f(a / b) }\n")
AT = Span(SCRIPT, 14, 19)
"""The place of the `while`, t.stp:1:15."""


def num(value: int) -> n.Constant:
    return n.Constant(value, span=AT, type=LONG)


def text(value: str) -> n.Constant:
    return n.Constant(value, span=AT, type=STRING, width=len(value))


def local(name: str, kind: Type = LONG, width: int = 0) -> Local:
    return Local(name, AT, kind, width)


def lv(variable: Local) -> n.LocalValue:
    return n.LocalValue(variable, span=AT, type=variable.type, width=variable.width)


def scalar(name: str, kind: Type = LONG, width: int = 0, **more: Any) -> Global:
    return Global(name, AT, kind, width, **more)


def array(name: str, keys: list[Type], kind: Type = LONG, width: int = 0, **more: Any) -> Global:
    widths = [20 if key is STRING else 0 for key in keys]
    return Global(name, AT, kind, width, is_array=True, key_types=keys, key_widths=widths, **more)


def gv(variable: Global) -> n.GlobalValue:
    return n.GlobalValue(variable, span=AT, type=variable.type, width=variable.width)


def el(variable: Global, *keys: n.Expression | None) -> n.ElementValue:
    return n.ElementValue(variable, list(keys), span=AT, type=variable.type, width=variable.width)


def binary(left: n.Expression, operator: Any, right: n.Expression) -> n.Binary:
    kind, width = (STRING, left.width + right.width) if operator == "." else (LONG, 0)
    return n.Binary(operator, left, right, span=AT, type=kind, width=width)


def assign(target: n.Assignable, value: n.Expression) -> n.Assign:
    return n.Assign(target, value, span=AT, type=value.type, width=value.width)


def update(target: n.Assignable, operator: Any, value: n.Expression, gives_old: bool = False) -> n.Update:
    return n.Update(target, operator, value, gives_old, span=AT, type=target.type, width=target.width)


def do(expression: n.Expression) -> n.Evaluate:
    return n.Evaluate(expression, span=AT)


def piece(conversion: str, **more: Any) -> n.FormatPiece:
    return n.FormatPiece(conversion, **more)


def words(text_: str) -> n.FormatPiece:
    return n.FormatPiece("", text_)


def printf(pieces: list[n.FormatPiece], *arguments: n.Expression) -> n.Evaluate:
    return do(n.Format(pieces, list(arguments), True, span=AT))


def sprintf(pieces: list[n.FormatPiece], *arguments: n.Expression, width: int = 511) -> n.Format:
    return n.Format(pieces, list(arguments), False, span=AT, type=STRING, width=width)


def show(*arguments: n.Expression) -> n.Evaluate:
    """Print values, each followed by a blank."""
    pieces: list[n.FormatPiece] = []
    for argument in arguments:
        pieces += [piece("s" if argument.type is STRING else "d"), words(" ")]
    return printf(pieces, *arguments)


def call(function: n.Function, *arguments: n.Expression) -> n.FunctionCall:
    return n.FunctionCall(function, list(arguments), span=AT, type=function.return_type, width=function.return_width)


def row(name: str, user: Callable[..., Any], effect: Effect = Effect.PURE, returns: Type | None = LONG) -> Builtin:
    return Builtin(name, (), returns, effect, user)


def builtin(declared: Builtin, *arguments: n.Expression) -> n.BuiltinCall:
    return n.BuiltinCall(declared, list(arguments), span=AT, type=declared.returns or Type.UNKNOWN)


def function(name: str, parameters: list[Local], body: Sequence[n.Statement], **more: Any) -> n.Function:
    return n.Function(name, AT, parameters, body=list(body), **{"return_type": LONG, **more})


def give(value: n.Expression) -> n.Return:
    return n.Return(value, span=AT)


def foreach(array_: Global, keys: list[Local], body: list[n.Statement], **more: Any) -> n.Foreach:
    fields: dict[str, Any] = {
        "value": None, "slice": [], "sort_by": n.SortBy.NOTHING, "sort_column": 0, "descending": False, "limit": None,
    }  # fmt: skip
    return n.Foreach(array_, keys, body=body, span=AT, **{**fields, **more})


class FakeSession:
    """A UserRuntime that keeps what is written, and reads memory from a table of areas."""

    def __init__(self) -> None:
        self.output: list[str] = []
        self.interrupted = False
        self.context: dict[str, int | str] = {}
        self.matched_groups: tuple[str, ...] | None = None
        self.probe_point = "begin"
        self.target_pid = 0
        self.areas: dict[int, bytes] = {}
        self.write = self.output.append

    @property
    def text(self) -> str:
        return "".join(self.output)

    def read_kernel_memory(self, address: int, size: int) -> bytes | None:
        for start, data in self.areas.items():
            if start <= address and address + size <= start + len(data):
                return data[address - start : address - start + size]
        return None

    read_user_memory = read_kernel_memory


def first_value(variable: Global, limits: Limits) -> Any:
    if variable.is_array:
        size = limits.max_map_entries if variable.size is None else variable.size
        new = (lambda: Statistic(variable.histograms, variable.shift)) if variable.type is STAT else None
        return ScriptArray("" if variable.type is STRING else 0, size, variable.wraps, new)
    if variable.type is STAT:
        return Statistic(variable.histograms, variable.shift)
    return variable.initial if variable.initial is not None else "" if variable.type is STRING else 0


def program(
    body: Sequence[n.Statement], globals_: Iterable[Global] = (), locals_: Iterable[Local] = (),
    events: Iterable[n.Event] = (), limits: Limits | None = None,
) -> ElaboratedProgram:  # fmt: skip
    handler = Handler(0, "begin", "begin", AT, Phase("begin"), list(body), list(locals_), Target.USER)
    return ElaboratedProgram("t.stp", list(globals_), [], [handler], list(events), limits or Limits())


class Loaded:
    """A program that was generated and loaded: its code, session, globals and functions."""

    def __init__(self, source: ElaboratedProgram) -> None:
        self.code: UserCode = generate(source)
        self.session = FakeSession()
        self.globals = Globals()
        for variable in source.globals:
            setattr(self.globals, attribute_name(variable.name), first_value(variable, source.limits))
        self.functions = load(self.code.compile(), self.session, self.globals)

    def run(self) -> str:
        """Run the handler and return what it has written."""
        self.functions["handler_0"]()
        return self.session.text


def run(body: Sequence[n.Statement], *variables: Global | Local, limits: Limits | None = None) -> str:
    """Return what a begin handler with this body writes."""
    globals_ = [v for v in variables if isinstance(v, Global)]
    locals_ = [v for v in variables if isinstance(v, Local)]
    return Loaded(program(body, globals_, locals_, limits=limits)).run()
