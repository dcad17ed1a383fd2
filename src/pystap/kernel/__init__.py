"""ElaboratedProgram -> eBPF.

    handlers -> LLVM IR (text) -> an ELF object, made by LLVM in a forked child -> ProgramSpecs and MapSpecs

`generate` is the whole of it. IR names maps and never holds descriptors; the loader fills them in.
"""

from __future__ import annotations

from ..abi.image import POINT_CONSTANT, loaded_name
from ..abi.kernel_code import NO_CODE, KernelCode
from ..abi.map_layout import MapLayout
from ..llvm import Compiler, CompilerError, compile_assembly
from ..program.attach import KernelFunctions
from ..program.nodes import SendEvent, Statement
from ..program.program import ElaboratedProgram
from . import analysis
from .context import InternalError, KernelFacts, ProgramContext, TaskLayout
from .elf_link import link_object, with_kind
from .handlers import CodeGenerators
from .ir import Module
from .locks import CALLBACK
from .maps import VALUE_MAPS, all_maps
from .point_programs import FEW_POINTS
from .programs import kernel_handlers, make_programs

__all__ = ["Compiler", "CompilerError", "InternalError", "KernelCode", "KernelFacts", "TaskLayout", "generate"]


def generate(
    program: ElaboratedProgram, layout: MapLayout, facts: KernelFacts, compiler: Compiler | None = None
) -> KernelCode:
    """Make the eBPF programs of a script's kernel handlers and the maps they use; nothing when it has none.

    A `compiler` that was started before saves the time in which LLVM is loaded; it stays the caller's to close.
    Raises `InternalError` for what elaboration should have placed in user space, `CompilerError` when LLVM refuses.
    """
    if not kernel_handlers(program):
        return NO_CODE
    module = Module(inlines=not facts.function_calls)
    shared = ProgramContext(program, layout, facts, CodeGenerators(), module)
    shared.can_stop = needs_stop_check(program) or _can_stop(program, shared)
    planned = make_programs(shared)
    ir = shared.module.text()
    linked = link_object(
        (compiler or Compiler()).to_object(ir), VALUE_MAPS, constants=_constants(shared), argument_counts={CALLBACK: 2}
    )
    programs = [
        with_kind(linked.programs[plan.attachment.program], plan.kind, plan.btf_id, plan.module, plan.sleepable)
        for plan in planned
    ]
    return KernelCode(
        (*all_maps(shared), *linked.maps),
        tuple(programs),
        tuple(plan.attachment for plan in planned),
        tuple(shared.errors),
        ir,
        lambda: compile_assembly(ir),
    )


def _constants(shared: ProgramContext) -> set[str]:
    """Return the symbols whose values the loader fills in."""
    return {POINT_CONSTANT, *(name for name in shared.module.maps if loaded_name(name) is not None)}


def needs_stop_check(program: ElaboratedProgram) -> bool:
    """Whether programs hang at so many places that they must be told to stop: detaching them takes too long."""
    attached = [handler.attach for handler in kernel_handlers(program)]
    return sum(len(attach.points) for attach in attached if isinstance(attach, KernelFunctions)) > FEW_POINTS


def _can_stop(program: ElaboratedProgram, shared: ProgramContext) -> bool:
    """Whether some kernel handler may end the session: by an event, or by an error that nothing catches."""
    bodies = [handler.body for handler in kernel_handlers(program)]
    bodies += [analysis.body_of(function) for function in program.functions]
    if any(_sends_stop(body) for body in bodies):
        return True
    if not shared.errors_stop:
        return False
    if any(analysis.has_next(analysis.body_of(function)) for function in program.functions):
        return True
    return any(analysis.may_raise(part) for body in bodies for part in analysis.all_expressions(body))


def _sends_stop(statements: list[Statement]) -> bool:
    for statement in statements:
        if isinstance(statement, SendEvent) and statement.stops_session:
            return True
        if any(_sends_stop(block) for block in analysis.statement_parts(statement)[1]):
            return True
    return False
