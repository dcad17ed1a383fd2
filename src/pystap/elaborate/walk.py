"""Walking over resolved nodes: the children of each node, in evaluation order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..program import nodes as n
from ..program.builtins import Builtin
from ..program.symbols import Global, Local


def operands(expression: n.Expression) -> Iterator[n.Expression]:
    """Yield the direct operands of an expression, in evaluation order."""
    match expression:
        case n.Constant() | n.LocalValue() | n.GlobalValue() | n.ContextValue() | n.Captured():
            return
        case n.ElementValue(keys=keys) | n.Contains(keys=keys):
            yield from (key for key in keys if key is not None)
        case n.Unary(operand=operand):
            yield operand
        case n.Binary(left=left, right=right) | n.Logical(left=left, right=right):
            yield left
            yield right
        case n.Match(text=text):
            yield text
        case n.Conditional(condition=condition, yes=yes, no=no):
            yield from (condition, yes, no)
        case n.Assign(target=target, value=value) | n.Update(target=target, value=value):
            yield target
            yield value
        case n.Aggregate(target=target, value=value):
            yield target
            yield value
        case n.StatisticOf(statistic=statistic) | n.HistogramText(statistic=statistic):
            yield statistic
        case n.BucketValue(statistic=statistic, bucket=bucket):
            yield statistic
            yield bucket
        case n.FunctionCall(arguments=arguments) | n.BuiltinCall(arguments=arguments):
            yield from arguments
        case n.Format(arguments=arguments):
            yield from arguments
        case n.TableText(index=index):
            yield index
        case n.ReadMemory(address=address):
            yield address
        case n.ReadString(address=address, otherwise=otherwise):
            yield address
            if otherwise is not None:
                yield otherwise
        case n.ReadBlock(call=call, arguments=arguments):
            yield call
            yield from arguments
        case n.EntryValue(expression=inner):
            yield inner


def statement_expressions(statement: n.Statement) -> Iterator[n.Expression]:
    """Yield the expressions that stand directly in a statement, not those of nested statements."""
    match statement:
        case n.Evaluate(expression=expression):
            yield expression
        case n.If(condition=condition):
            yield condition
        case n.Loop(condition=condition):
            if condition is not None:
                yield condition
        case n.Foreach(slice=slice_, limit=limit):
            yield from (key for key in slice_ if key is not None)
            if limit is not None:
                yield limit
        case n.ForeachBucket(statistic=statistic, limit=limit):
            yield statistic
            if limit is not None:
                yield limit
        case n.Delete(target=target):
            if isinstance(target, n.ElementValue):
                yield target
        case n.Return(value=value):
            if value is not None:
                yield value
        case n.SendEvent(values=values):
            yield from values
        case n.Break() | n.Continue() | n.Next() | n.TryCatch():
            return


def nested(statement: n.Statement) -> Iterator[list[n.Statement]]:
    """Yield the statement lists that stand inside a statement."""
    match statement:
        case n.If(then=then, otherwise=otherwise):
            yield then
            yield otherwise
        case n.Loop(body=body, step=step):
            yield body
            yield step
        case n.Foreach(body=body) | n.ForeachBucket(body=body):
            yield body
        case n.TryCatch(body=body, handler=handler):
            yield body
            yield handler
        case _:
            return


def all_statements(statements: Sequence[n.Statement]) -> Iterator[n.Statement]:
    """Yield every statement, outer before inner."""
    for statement in statements:
        yield statement
        for inner in nested(statement):
            yield from all_statements(inner)


def subexpressions(expression: n.Expression) -> Iterator[n.Expression]:
    """Yield an expression and all that it is made of, outer before inner."""
    yield expression
    for operand in operands(expression):
        yield from subexpressions(operand)


def all_expressions(statements: Sequence[n.Statement]) -> Iterator[n.Expression]:
    """Yield every expression of the statements, outer before inner."""
    for statement in all_statements(statements):
        for expression in statement_expressions(statement):
            yield from subexpressions(expression)


def called_functions(statements: Sequence[n.Statement]) -> set[n.Function]:
    """Return the functions that the statements may call, through other functions and overloads too."""
    found: set[n.Function] = set()
    waiting = [statements]
    while waiting:
        for expression in all_expressions(waiting.pop()):
            if not isinstance(expression, n.FunctionCall):
                continue
            function: n.Function | None = expression.function
            while function is not None and function not in found:
                found.add(function)
                waiting.append(function.body)
                function = function.next_overload
    return found


def called_builtins(bodies: Sequence[Sequence[n.Statement]]) -> list[Builtin]:
    """Return the built-in functions that bodies call, by name; not those that only the tapset knows of (`_...`)."""
    parts = (part for body in bodies for part in all_expressions(body))
    found = {part.builtin.name: part.builtin for part in parts if isinstance(part, n.BuiltinCall)}
    return [found[name] for name in sorted(found) if not name.startswith("_")]


def kernel_bodies(body: list[n.Statement]) -> list[list[n.Statement]]:
    """Return the body of a kernel handler and, in their kernel forms, those of the functions that it may call."""
    return [body, *(function.kernel_body for function in called_functions(body) if function.kernel_body is not None)]


def locals_of(body: Sequence[n.Statement]) -> list[Local]:
    """Return the locals that statements mention, in the order in which they first do."""
    found: dict[Local, None] = {}
    for expression in all_expressions(body):
        if isinstance(expression, n.LocalValue):
            found[expression.local] = None
    for statement in all_statements(body):
        match statement:
            case n.Foreach(keys=keys, value=value):
                found.update(dict.fromkeys(keys))
                if value is not None:
                    found[value] = None
            case n.ForeachBucket(key=key, value=value):
                found[key] = None
                if value is not None:
                    found[value] = None
            case n.TryCatch(message=Local() as message):
                found[message] = None
            case _:
                pass
    return list(found)


def mentioned_globals(statements: Sequence[n.Statement]) -> Iterator[Global]:
    """Yield the globals that statements mention, in the order of the text: keys before their array."""
    for statement in statements:
        match statement:
            case n.Foreach(array=array) | n.Delete(target=Global() as array):
                yield array
            case _:
                pass
        for expression in statement_expressions(statement):
            yield from _globals_in(expression)
        for inner in nested(statement):
            yield from mentioned_globals(inner)


def _globals_in(expression: n.Expression) -> Iterator[Global]:
    for operand in operands(expression):
        yield from _globals_in(operand)
    match expression:
        case n.GlobalValue(variable=variable):
            yield variable
        case n.ElementValue(array=array) | n.Contains(array=array):
            yield array
        case _:
            pass
