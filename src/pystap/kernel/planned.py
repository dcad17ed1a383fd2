"""A program as the generator plans it, before LLVM has made its code."""

from __future__ import annotations

from ..abi.image import ProgramKind
from ..abi.session_image import ProgramAttachment
from ..records import dataclass


@dataclass(frozen=True, slots=True)
class PlannedProgram:
    """A program whose function is in the module.

    `btf_id` is that of a typed tracepoint or of the function of a fentry or fexit program, in `module`'s BTF; else 0.
    """

    kind: ProgramKind
    btf_id: int
    attachment: ProgramAttachment
    module: str = ""
    sleepable: bool = False
