"""The kernel's half of a compiled script, as the code generator hands it on."""

from __future__ import annotations

from ..lean import Callable
from ..records import dataclass
from .image import MapSpec, ProgramSpec
from .session_image import ErrorPlace, ProgramAttachment


@dataclass(frozen=True, slots=True)
class KernelCode:
    """The kernel's half of a compiled script. `disassembly()` compiles once more to give eBPF assembly as text."""

    maps: tuple[MapSpec, ...]
    programs: tuple[ProgramSpec, ...]
    attachments: tuple[ProgramAttachment, ...]
    errors: tuple[ErrorPlace, ...]
    ir: str
    disassembly: Callable[[], str]


NO_CODE = KernelCode((), (), (), (), "", lambda: "")
"""That of a script without handlers in the kernel."""
