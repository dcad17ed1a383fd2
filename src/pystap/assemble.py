"""The end of pass 4: everything that a session needs, put together as one `SessionImage`."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Mapping, Sequence

from .abi.kernel_code import KernelCode
from .abi.map_layout import GlobalPlace, MapLayout
from .abi.session_image import EventLayout, GlobalLayout, HandlerLayout, KeyRendering, SessionImage, file_stamp
from .elaborate.global_uses import shown_at_end, uses_of
from .elaborate.walk import all_statements, kernel_bodies
from .program import nodes as n
from .program.attach import Uprobes
from .program.program import ElaboratedProgram, Target
from .program.symbols import Global, StorageKind
from .user.codegen import UserCode


def assemble(
    program: ElaboratedProgram,
    layout: MapLayout,
    kernel_code: KernelCode,
    user_code: UserCode,
    kernel: str,
    warnings: Sequence[str] = (),
) -> SessionImage:
    """Return the image of a program; `kernel` is the release that it was compiled for."""
    senders = _senders(program)
    at_end = set(shown_at_end(program))
    return SessionImage(
        script_name=program.script_name,
        kernel=kernel,
        limits=program.limits,
        maps=kernel_code.maps,
        programs=kernel_code.programs,
        attachments=kernel_code.attachments,
        globals=tuple(
            _global(variable, program, layout, variable in at_end, user_code.key_functions)
            for variable in program.globals
        ),
        handlers=tuple(
            HandlerLayout(
                handler.index,
                handler.point,
                handler.written,
                str(handler.span),
                handler.attach,
                user_code.handler_functions.get(handler.index, ""),
                _shared(handler.reads),
                _shared(handler.writes),
            )
            for handler in program.handlers
        ),
        events=tuple(
            _event(event, user_code.event_functions[event.number], senders.get(event.number, 0))
            for event in program.events
        ),
        errors=kernel_code.errors,
        control_size=layout.control_size,
        handlers_offset=layout.handlers_offset,
        adds_stride=layout.adds_stride,
        user_code=marshal.dumps(user_code.compile()),
        warnings=tuple(warnings),
        files=_files(program),
    )


def _files(program: ElaboratedProgram) -> tuple[tuple[str, str], ...]:
    """Return the program files that the probes are in, for whom they are, with their stamps."""
    paths: dict[str, None] = {}
    for handler in program.handlers:
        if isinstance(handler.attach, Uprobes):
            paths |= dict.fromkeys(places.path for places in handler.attach.files)
            if handler.attach.pid > 0:
                paths[f"/proc/{handler.attach.pid}/exe"] = None
    return tuple((path, file_stamp(path)) for path in paths)


def _shared(variables: Iterable[Global]) -> tuple[str, ...]:
    """Return the names of the globals that kernel handlers touch too."""
    return tuple(sorted(variable.name for variable in variables if variable.storage is not StorageKind.USER))


def _event(event: n.Event, function: str, handler: int) -> EventLayout:
    uses = uses_of(event.body)
    return EventLayout(event.number, function, handler, _shared(uses.reads), _shared(uses.writes))


def _senders(program: ElaboratedProgram) -> dict[int, int]:
    """Return the index of the handler that sends each event; for one sent from a function, the first that calls it."""
    senders: dict[int, int] = {}
    for handler in program.handlers:
        if handler.target is not Target.KERNEL:
            continue
        for body in kernel_bodies(handler.body):
            for statement in all_statements(body):
                if isinstance(statement, n.SendEvent):
                    senders.setdefault(statement.event.number, handler.index)
    return senders


def _global(
    variable: Global,
    program: ElaboratedProgram,
    layout: MapLayout,
    at_end: bool,
    key_functions: Mapping[tuple[str, int], str],
) -> GlobalLayout:
    place = layout.places.get(variable.name, GlobalPlace())
    renderings = [
        KeyRendering(column, tuple(key.types), tuple(key.widths), key_functions[variable.name, column])
        for column, key in variable.rendered_keys.items()
    ]
    return GlobalLayout(
        name=variable.name,
        type=variable.type,
        width=variable.width,
        is_array=variable.is_array,
        key_types=tuple(variable.key_types),
        key_widths=tuple(variable.key_widths),
        size=variable.size if variable.size is not None else program.limits.max_map_entries,
        wraps=variable.wraps or variable.per_call,
        initial=variable.initial,
        storage=variable.storage,
        lock=variable.lock,
        offset=place.offset,
        cell=place.cell,
        maps=place.maps,
        histograms=tuple(variable.histograms),
        shift=variable.shift,
        reads_variance=variable.reads_variance,
        renderings=tuple(renderings),
        print_at_end=at_end,
        per_call=variable.per_call,
    )
