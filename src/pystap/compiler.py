"""Passes 1 to 4: scripts in, a session image out. The front end is imported here and nowhere above.

What comes after LLVM is imported late: beside LLVM's work when the driver sees to it (`import_the_rest`).
"""

from __future__ import annotations

import os
import sys

from .abi.image import ProgramKind
from .abi.kernel_code import NO_CODE, KernelCode
from .abi.map_layout import lay_out
from .abi.session_image import SessionImage
from .diagnostics import Diagnostic, Diagnostics, PassFailed, ScriptError, render
from .elaborate import Inputs, elaborate
from .lean import TYPE_CHECKING, Callable, Sequence
from .llvm import Compiler, CompilerError
from .options import Options
from .options.checks import SYSTEMTAP_VERSION
from .pass_lines import PassClock, PassesEnded, Script, count, say
from .program.attach import KernelFunctions
from .program.limits import Limits
from .program.program import ElaboratedProgram, Target
from .registries import Builtins, Library, kernel_types, probe_kinds
from .runtime.report import wants_color
from .source import SourceFile
from .syntax import PreprocessorFacts, ast, parse_script
from .tapset.constants import constant

if TYPE_CHECKING:
    from .user.codegen import UserCode


def import_the_rest() -> None:
    """Load what a run needs once its eBPF programs are compiled."""
    from . import assemble, trial  # noqa: F401
    from .runtime import foreground, kernel_side  # noqa: F401
    from .user import codegen  # noqa: F401


def compile_scripts(
    scripts: Sequence[Script],
    options: Options,
    clock: PassClock,
    show: Callable[[Diagnostics, Options], None] = lambda diagnostics, options: _show(diagnostics, options),
    compiler: Compiler | None = None,
) -> SessionImage:
    """Run passes 1 to 4, saying what each did. Raises `PassesEnded` after the last pass asked for, or a failed one.

    `show` gets the errors and warnings, once; it prints them unless another is given. A `compiler` that was started
    before saves time; it stays the caller's to close.
    """
    diagnostics = Diagnostics(keeps_all=clock.wants(1))
    current = 1
    try:
        trees, library = _parse(scripts, options, diagnostics)
        clock.done(1, f"parsed user script and {count(library.parsed_files, 'library script')}")
        _end_after(1, options, lambda: _trees_text(trees))
        current = 2
        program = _elaborate(trees, library, options, diagnostics)
        clock.done(2, "analyzed script: " + _census(program))
        _end_after(2, options, lambda: _program_text(program, clock))
        current = 3
        program, kernel_code = _accepted(program, trees, library, options, diagnostics, clock, compiler)
        from .user.codegen import generate as generate_user_code

        user_code = generate_user_code(program)
        clock.done(3, "translated to LLVM IR and Python")
        current = 4
        _keep(options, kernel_code, user_code)
        _end_after(3, options, lambda: _sources(kernel_code, user_code))
        from .assemble import assemble

        image = assemble(program, lay_out(program), kernel_code, user_code, os.uname().release)
        clock.done(4, f"compiled LLVM IR into {count(len(image.programs), 'program')}")
        if clock.wants(4):
            _say_mechanisms(image)
        show(diagnostics, options)
        return image
    except PassesEnded as end:
        show(diagnostics, options)
        sys.stdout.write(end.text)  # behind the warnings
        raise
    except (PassFailed, ScriptError, CompilerError) as error:
        if isinstance(error, ScriptError):
            diagnostics.add(error.diagnostic)
        elif isinstance(error, CompilerError):
            diagnostics.add(Diagnostic("ERROR", str(error)))
        show(diagnostics, options)
        raise PassesEnded(current, repeated=_repeated(diagnostics)) from None


def _parse(
    scripts: Sequence[Script], options: Options, diagnostics: Diagnostics
) -> tuple[list[ast.ScriptFile], Library]:
    facts = PreprocessorFacts(
        kernel_release=os.uname().release,
        systemtap_version=options.compatible or SYSTEMTAP_VERSION,
        privilege=options.privilege,
        guru_mode=options.guru,
        arguments=options.arguments,
        compatible=options.compatible or None,
    )
    library = Library(facts, diagnostics, options.tapset_folders)
    trees = [
        parse_script(SourceFile(name, text), facts, library.macros, diagnostics=diagnostics) for name, text in scripts
    ]
    diagnostics.stop_if_errors()
    return trees, library


def _accepted(
    program: ElaboratedProgram,
    trees: Sequence[ast.ScriptFile],
    library: Library,
    options: Options,
    diagnostics: Diagnostics,
    clock: PassClock,
    compiler: Compiler | None,
) -> tuple[ElaboratedProgram, KernelCode]:
    """Return kernel code that LLVM and the running kernel take, and the program that it was made from.

    A handler that they refuse is deferred to user space as a whole, and the program elaborated anew with that.
    """
    if not any(handler.target is Target.KERNEL for handler in program.handlers):
        return program, NO_CODE
    from .kernel_facts import kernel_facts
    from .trial import attempt

    deferred: frozenset[int] = frozenset()
    while True:
        tried = attempt(program, kernel_facts(program, options.timing), options.last_pass >= 4, compiler)
        more = tried.refused.keys() - deferred
        if not more:
            if tried.code is None:
                raise tried.error or CompilerError("no code was made")
            return program, tried.code
        compiler = None  # it compiles once
        for index in sorted(more):
            if clock.wants(4):
                point = program.handlers[index].point
                say(f"Pass 4: probe {point} runs in user space, its eBPF program was refused: {tried.refused[index]}")
        deferred |= more
        program = _elaborate(trees, library, options, Diagnostics(), deferred)  # all was said the first time


def _elaborate(
    trees: Sequence[ast.ScriptFile],
    library: Library,
    options: Options,
    diagnostics: Diagnostics,
    deferred: frozenset[int] = frozenset(),
) -> ElaboratedProgram:
    first = trees[0]
    script = ast.ScriptFile(first.source, tuple(item for tree in trees for item in tree.items))
    limits = Limits(**_limit_fields(options))  # type: ignore[arg-type]
    program = elaborate(
        Inputs(
            script,
            library,
            probe_kinds(guru=options.guru, command=options.command or "", pid=options.pid or 0),
            Builtins(),
            kernel_types,
            limits,
            diagnostics,
            options.guru,
            lambda text: constant(text, lambda name: kernel_types().enum_value(name)),
            deferred,
        )
    )
    if options.warnings_are_errors and diagnostics.warnings:
        raise PassFailed(diagnostics)
    return program


_MECHANISMS = {
    ProgramKind.FENTRY: "fentry", ProgramKind.FEXIT: "fexit", ProgramKind.KPROBE: "kprobes",
    ProgramKind.KPROBE_MULTI: "kprobe-multi",
}  # fmt: skip


def _say_mechanisms(image: SessionImage) -> None:
    """Say how each program on kernel functions will be attached."""
    kinds = {program.name: program.kind for program in image.programs}
    for attachment in image.attachments:
        if isinstance(attachment.attach, KernelFunctions):
            points = ", ".join(image.handlers[index].point for index in attachment.handlers)
            functions = count(len(attachment.attach.points), "function")
            say(f"Pass 4: {functions} by {_MECHANISMS[kinds[attachment.program]]}: {points}")


def _census(program: ElaboratedProgram) -> str:
    kernel = sum(handler.target is Target.KERNEL for handler in program.handlers)
    return (
        f"{count(len(program.handlers), 'probe')} ({kernel} in the kernel), "
        f"{count(len(program.functions), 'function')}, 0 embeds, {count(len(program.globals), 'global')}"
    )


def _end_after(number: int, options: Options, text: object) -> None:
    """End with the text of a pass when it is the last one asked for."""
    if options.last_pass == number:
        assert callable(text)
        raise PassesEnded(text=text())


def _trees_text(trees: Sequence[ast.ScriptFile]) -> str:
    from .syntax.printer import print_script

    return "".join(print_script(tree) for tree in trees)


def _program_text(program: ElaboratedProgram, clock: PassClock) -> str:
    from .elaborate.printer import print_program

    return print_program(program, placement=clock.wants(2))


def _sources(kernel_code: KernelCode, user_code: UserCode) -> str:
    return f"{kernel_code.ir}\n{user_code.source}"


def _keep(options: Options, kernel_code: KernelCode, user_code: UserCode) -> None:
    """Write what was made on the way to a folder and name it (-k)."""
    if not options.keep_files:
        return
    import tempfile

    folder = options.files_folder or tempfile.mkdtemp(prefix="stap")
    os.makedirs(folder, exist_ok=True)
    for name, text in (
        ("program.ll", kernel_code.ir),
        ("program.s", kernel_code.disassembly() if kernel_code.ir else ""),
        ("handlers.py", user_code.source),
    ):
        with open(os.path.join(folder, name), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    say(f'Keeping temporary directory "{folder}"')


def _show(diagnostics: Diagnostics, options: Options) -> None:
    color = wants_color(options.color)
    warnings = [] if options.no_warnings else diagnostics.warnings
    for diagnostic in warnings:
        sys.stderr.write(render(diagnostic, color))
    for diagnostic in diagnostics.errors:
        sys.stderr.write(render(diagnostic, color) + "\n")  # SystemTap parts errors by an empty line
    count = sum(diagnostic.kind == "parse error" for diagnostic in diagnostics.errors)
    if count:
        sys.stderr.write(f"{count} parse error{'s' * (count > 1)}.\n")


def _repeated(diagnostics: Diagnostics) -> str:
    """Return the lines that say how many errors and warnings were not said again, as SystemTap does."""
    lines = ""
    for what, number in (("error", diagnostics.repeated_errors), ("warning", diagnostics.repeated_warnings)):
        if number:
            lines += f"Number of similar {what} messages suppressed: {number}.\nRerun with -v to see them.\n"
    return lines


def _limit_fields(options: Options) -> dict[str, int | bool]:
    """Return the fields of program.Limits that the command line sets."""
    fields: dict[str, int | bool] = dict(options.limits)
    if options.suppress_handler_errors:
        fields["suppress_handler_errors"] = True
    if options.suppress_time_limits:
        fields["suppress_time_limits"] = True
    return fields
