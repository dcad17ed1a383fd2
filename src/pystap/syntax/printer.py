"""A syntax tree back to script text (`stap -p1`), which parses to the same tree.

Before: `probe a.{b,c}{if(x)y++ else next}`, after:

    probe a.b, a.c
    {
        if (x)
            y++;
        else
            next;
    }
"""

from __future__ import annotations

from typing import assert_never

from . import ast
from .print_expressions import print_expression, print_list, print_literal

_SIGNS = {1: "+", -1: "-", 0: ""}


def print_script(script: ast.ScriptFile) -> str:
    """Return the whole file as text, one comment line with its name first."""
    return f"# file {script.source.name}\n" + "\n".join([print_item(item) for item in script.items])


def print_item(item: ast.Item) -> str:
    """Return one top-level item as text, ended by a line end."""
    match item:
        case ast.GlobalDeclaration(variables=variables):
            private = "private " if variables[0].private else ""
            return f"{private}global {', '.join([_global(variable) for variable in variables])}\n"
        case ast.FunctionDeclaration():
            return _function(item)
        case ast.ProbeDeclaration(points=points, body=body):
            return f"probe {_points(points)}\n{_block(body, 0)}"
        case ast.AliasDeclaration(names=names, points=points, body=body):
            sign = "+=" if item.epilogue else "="
            aliases = "".join([f"{print_point(name)} {sign} " for name in names])
            epilogue = f",\n{_block(item.epilogue_body, 0)}" if item.epilogue_body is not None else ""
            return f"probe {aliases}{_points(points)}\n{_block(body, 0).rstrip()}{epilogue or chr(10)}"
        case ast.EmbeddedC(text=text):
            return f"%{{{text}%}}\n"
        case _:
            assert_never(item)


def print_point(point: ast.ProbePoint) -> str:
    """Return a probe point as text: `kernel.function("x") ? if (on)`."""
    text = ".".join(
        [c.name if c.argument is None else f"{c.name}({print_literal(c.argument)})" for c in point.components]
    )
    if point.optional:
        text += "!" if point.sufficient else "?"
    if point.condition is not None:
        text += f" if ({print_expression(point.condition)})"
    return text


def print_statement(statement: ast.Statement, depth: int = 0) -> str:
    """Return a statement as text, indented by `depth` levels and ended by a line end."""
    margin = "    " * depth
    match statement:
        case ast.Block():
            return _block(statement, depth)
        case ast.Empty():
            return f"{margin};\n"
        case ast.ExpressionStatement(expression=expression):
            return f"{margin}{print_expression(expression)};\n"
        case ast.If(condition=condition, then=then, otherwise=otherwise):
            text = f"{margin}if ({print_expression(condition)})\n{_body(then, depth)}"
            return text if otherwise is None else f"{text}{margin}else\n{_body(otherwise, depth)}"
        case ast.While(condition=condition, body=body):
            return f"{margin}while ({print_expression(condition)})\n{_body(body, depth)}"
        case ast.For(body=body):
            return f"{margin}{_for_header(statement)}\n{_body(body, depth)}"
        case ast.Foreach(body=body):
            return f"{margin}{_foreach_header(statement)}\n{_body(body, depth)}"
        case ast.Return(value=value):
            return f"{margin}return {print_expression(value)};\n" if value is not None else f"{margin}return;\n"
        case ast.Delete(target=target):
            return f"{margin}delete {print_expression(target)};\n"
        case ast.Next():
            return f"{margin}next;\n"
        case ast.Break():
            return f"{margin}break;\n"
        case ast.Continue():
            return f"{margin}continue;\n"
        case ast.TryCatch(body=block, message=message, handler=handler):
            catch = f"catch ({message.name})" if message is not None else "catch"
            return f"{margin}try\n{_block(block, depth)}{margin}{catch}\n{_block(handler, depth)}"
        case _:
            assert_never(statement)


def _body(statement: ast.Statement, depth: int) -> str:
    return print_statement(statement, depth if isinstance(statement, ast.Block) else depth + 1)


def _block(block: ast.Block, depth: int) -> str:
    margin = "    " * depth
    inner = "".join([print_statement(statement, depth + 1) for statement in block.statements])
    return f"{margin}{{\n{inner}{margin}}}\n"


def _for_header(loop: ast.For) -> str:
    start, condition, step = (
        print_expression(part) if part is not None else "" for part in (loop.start, loop.condition, loop.step)
    )
    return f"for ({start}; {condition}; {step})"


def _foreach_header(loop: ast.Foreach) -> str:
    value = f"{loop.value.name} = " if loop.value is not None else ""
    keys = ", ".join([key.name + _SIGNS[key.sort] for key in loop.keys])
    slice_keys = f"[{print_list(loop.slice)}]" if loop.slice else ""
    sort = f" @{loop.sort_by}{_SIGNS[loop.sort]}" if loop.sort_by is not None else _SIGNS[loop.sort]
    limit = f" limit {print_expression(loop.limit)}" if loop.limit is not None else ""
    return f"foreach ({value}[{keys}] in {print_expression(loop.array)}{slice_keys}{sort}{limit})"


def _points(points: tuple[ast.ProbePoint, ...]) -> str:
    return ", ".join([print_point(point) for point in points])


def _global(variable: ast.GlobalVariable) -> str:
    wraps = "%" if variable.wraps else ""
    size = f"[{variable.size}]" if variable.size is not None else ""
    value = f" = {print_literal(variable.initialiser)}" if variable.initialiser is not None else ""
    return f"{variable.name}{wraps}{size}{value}"


def _function(item: ast.FunctionDeclaration) -> str:
    private = "private " if item.private else ""
    result = f":{item.return_type}" if item.return_type is not None else ""
    parameters = ", ".join([p.name if p.type is None else f"{p.name}:{p.type}" for p in item.parameters])
    priority = f" : {item.priority}" if item.priority is not None else ""
    body = _block(item.body, 0) if isinstance(item.body, ast.Block) else f"%{{{item.body.text}%}}\n"
    return f"{private}function {item.name}{result}({parameters}){priority}\n{body}"
