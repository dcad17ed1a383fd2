"""The Python module of a program's user handlers and event bodies.

    from pystap.user.arithmetic import wrap

    def make(rt, g):
        write = rt.write

        # probe end, at count.stp:5:1
        def handler_1():
            for l_name, l_n in g.v_counts.select(order=by_value, descending=True, limit=10):
                write("%s : %d\\n" % (l_name, l_n))

        return {"handler_1": handler_1}

`rt` is a protocol.UserRuntime, `g` holds the globals (globals.Globals). Script functions and handlers are closures over
both. A handler takes no argument, an event's function takes the record.
"""

from __future__ import annotations

from types import CodeType

from ..abi.event_layout import record_size, struct_format
from ..program import nodes as n
from ..program.attach import Phase
from ..program.fault_messages import max_nesting
from ..program.program import ElaboratedProgram, Handler, Target
from ..program.symbols import Local, RenderedKey
from ..program.types import BLOCK_WIDTH, Type
from ..records import dataclass, field
from ..source import Span
from .expressions import value
from .module import Line, Module, Scope, empty_value
from .statements import Body
from .walk import assigned_locals, called_functions, has_loop, used_locals, walk

FILE_NAME = "<user handlers>"
"""The file name of the compiled module, by which a traceback's frames are recognised."""


@dataclass(frozen=True, slots=True)
class UserCode:
    """The source of the module and the names of its functions: by event number, and by handler index."""

    source: str
    event_functions: dict[int, str]
    handler_functions: dict[int, str]
    key_functions: dict[tuple[str, int], str] = field(default_factory=dict)
    """By array and key column: the functions that make the text of a key of what is stored for it."""

    def compile(self) -> CodeType:
        """Return the module's code object, which `marshal` can save."""
        return compile(self.source, FILE_NAME, "exec", dont_inherit=True)


def generate(program: ElaboratedProgram) -> UserCode:
    """Return the Python code of all user handlers and events.

    Raises ValueError for what cannot stand there, an error of the passes before.
    """
    handlers = [handler for handler in program.handlers if handler.target is Target.USER]
    roots: list[n.Node] = [node for handler in handlers for node in handler.body]
    roots.extend(node for event in program.events for node in event.body)
    keys = {(v.name, column): key for v in program.globals for column, key in v.rendered_keys.items()}
    roots.extend(key.body for key in keys.values())
    functions = called_functions(roots)
    everything = [*roots, *(node for function in functions for node in function.body)]
    module = Module(program.limits, _asks_for_groups(everything))
    bodies = [_function(module, function) for function in functions]
    bodies.extend(_handler(module, handler) for handler in handlers)
    bodies.extend(_event(module, event) for event in program.events)
    key_names = {place: f"key_{number}" for number, place in enumerate(keys)}
    bodies.extend(_key(module, key_names[place], key) for place, key in keys.items())
    event_names = {event.number: f"event_{event.number}" for event in program.events}
    handler_names = {handler.index: f"handler_{handler.index}" for handler in handlers}
    names = [*handler_names.values(), *event_names.values(), *key_names.values()]
    source = _assemble(program.script_name, module, bodies, names)
    return UserCode(source, event_names, handler_names, key_names)


def _asks_for_groups(nodes: list[n.Node]) -> bool:
    return any(isinstance(node, n.BuiltinCall) and node.builtin.name in ("matched", "ngroups") for node in walk(nodes))


def _assemble(script: str, module: Module, bodies: list[list[Line]], names: list[str]) -> str:
    """Return the module's text. PLACES maps lines on which a built-in may raise an error to places in the script."""
    lines = [Line(f'"""User handlers of {ascii(script)[1:-1]}."""'), Line("")]
    lines.extend(Line(text) for text in module.header())
    lines.extend([Line(""), Line(""), Line("def make(rt, g):")])
    lines.extend(Line("    " + text) for text in ("write = rt.write", "context = rt.context", "actions = nesting = 0"))
    for body in bodies:
        lines.append(Line(""))
        lines.extend(Line("    " + line.text if line.text else "", line.place) for line in body)
    table = ", ".join(f"{name!r}: {name}" for name in names)
    lines.extend([Line(""), Line(f"    return {{{table}}}"), Line(""), Line("")])
    places = {number: line.place for number, line in enumerate(lines, 1) if line.place}
    lines.append(Line(f"PLACES = {places!a}"))
    return "\n".join(line.text for line in lines) + "\n"


def _start_locals(body: Body, nodes: list[n.Statement], done: list[Local]) -> None:
    """Give the locals of a body their empty value, but for those that are `done`."""
    for local in used_locals(nodes):
        if not any(local is other for other in done):
            body.line(f"{body.scope.local(local)} = {empty_value(local.type)}")


def _finish(body: Body) -> list[Line]:
    if len(body.lines) == 0 or body.lines[-1].text.endswith(":"):
        body.line("pass")
    return body.lines


def _comment(kind: str, name: str, span: Span) -> Line:
    text = f"# {kind} {name}, at {span}"
    return Line("".join(c if c.isprintable() else "?" for c in text))


def _function(module: Module, function: n.Function) -> list[Line]:
    scope = Scope(module, in_event=True)
    body = Body(scope, function, depth=1)
    parameters = [scope.local(local) for local in function.parameters]
    body.next_arguments = parameters
    recursive = any(function is called for called in called_functions(function.body))
    shared = [name for name, used in (("actions", has_loop(function.body)), ("nesting", recursive)) if used]
    if shared:
        body.line(f"nonlocal {', '.join(shared)}")
    _keep_arguments(body, function, parameters)
    _start_locals(body, function.body, function.parameters)
    if recursive:
        _nested(body, function)
    else:
        for node in function.body:
            body.statement(node)
    ends = isinstance(function.body[-1], n.Return) if function.body else False
    if function.return_type is not Type.UNKNOWN and not ends:
        body.line(f"return {empty_value(function.return_type)}")
    head = Line(f"def {module.function(function)}({', '.join(parameters)}):")
    return [_comment("function", function.label, function.span), head, *_finish(body)]


def _keep_arguments(body: Body, function: n.Function, parameters: list[str]) -> None:
    """Keep the arguments for the next overload when the body changes its parameters."""
    if function.next_overload is None or not any(isinstance(node, n.Next) for node in walk(function.body)):
        return
    changed = assigned_locals(function.body)
    kept: list[str] = []
    for local, name in zip(function.parameters, parameters, strict=True):
        if any(local is other for other in changed):
            copy = body.scope.temporary()
            body.line(f"{copy} = {name}")
            kept.append(copy)
        else:
            kept.append(name)
    body.next_arguments = kept


def _nested(body: Body, function: n.Function) -> None:
    """Write the body of a recursive function with its check against MAXNESTING."""
    module = body.scope.module
    fault = module.fault(max_nesting(function.label, function.span))
    body.line(f"if nesting >= {module.limits.max_nesting}:")
    body.line(f"    raise {module.helper('RuntimeFault')}(*{fault})")
    body.line("nesting += 1")
    body.block("try:", function.body)
    body.line("finally:")
    body.line("    nesting -= 1")


def _reset_actions(body: Body, nodes: list[n.Statement], limit: int) -> None:
    """Start the count of statements anew, `limit` below 0, if the body can reach a loop."""
    own = has_loop(nodes)
    if own or any(has_loop(function.body) for function in called_functions(nodes)):
        body.line("nonlocal actions")
        body.line(f"actions = {-limit}")


def _handler(module: Module, handler: Handler) -> list[Line]:
    body = Body(Scope(module, in_event=False))
    limits = module.limits
    is_phase = isinstance(handler.attach, Phase)
    _reset_actions(body, handler.body, limits.max_action_user if is_phase else limits.max_action_deferred)
    _start_locals(body, handler.body, [])
    for node in handler.body:
        body.statement(node)
    head = Line(f"def handler_{handler.index}():")
    return [_comment("probe", handler.point, handler.span), head, *_finish(body)]


def _key(module: Module, name: str, key: RenderedKey) -> list[Line]:
    """The function that makes the text of an array's key of the values stored for it."""
    body = Body(Scope(module, in_event=False))
    body.line(f"return {value(body.scope, key.body)}")
    parameters = ", ".join(f"c{index}" for index in range(len(key.types)))
    return [Line("# key"), Line(f"def {name}({parameters}):"), *_finish(body)]


def _event(module: Module, event: n.Event) -> list[Line]:
    """The function of an event: takes its record apart, then runs its body with the captured values."""
    body = Body(Scope(module, in_event=True))
    _reset_actions(body, event.body, module.limits.max_action_deferred)
    _unpack(module, body, event)
    for index, local in event.restored.items():
        body.line(f"{body.scope.local(local)} = c{index}")
    _start_locals(body, event.body, list(event.restored.values()))
    if event.context:
        for name, index in event.context.items():
            body.line(f"context[{name!a}] = c{index}")
        body.block("try:", event.body)
        body.line("finally:")
        body.line("    context.clear()")
    else:
        for node in event.body:
            body.statement(node)
    return [Line(f"# event {event.number}"), Line(f"def event_{event.number}(record):"), *_finish(body)]


def _unpack(module: Module, body: Body, event: n.Event) -> None:
    if not event.types:
        return
    layout = struct_format(event.types, event.widths)
    blocks = [index for index, width in enumerate(event.widths) if width == BLOCK_WIDTH]
    fixed = [index for index in range(len(event.types)) if index not in blocks]
    if fixed:
        unpack = module.constant("unpack", f"Struct({layout!r}).unpack_from")
        body.line(f"{_targets(fixed)} = {unpack}(record)")
    if blocks:
        size = record_size(event.types, event.widths)
        if len(blocks) == 1:
            body.line(f"c{blocks[0]} = record[{size}:]")
        else:
            split = module.helper("split_blocks")
            body.line(f"{_targets(blocks)} = {split}(record, {size}, {len(blocks)})")
    for index in fixed:
        if event.types[index] is Type.STRING:
            body.line(f'c{index} = c{index}.rstrip(b"\\0").decode("latin-1")')


def _targets(indexes: list[int]) -> str:
    """Return the names of fields on the left of an assignment of a tuple."""
    names = ", ".join(f"c{index}" for index in indexes)
    return names + ("," if len(indexes) == 1 else "")
