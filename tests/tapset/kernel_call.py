"""Runs the kernel side of a built-in on the live kernel: an IrFunction in a raw tracepoint program, run on demand."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from types import TracebackType

from pystap.abi.image import MapKind, MapSpec, ProgramKind
from pystap.kernel.elf_link import link_object, with_kind
from pystap.llvm import compile_object
from pystap.loader.image import LoadedImage, load_image
from pystap.program.builtins import Builtin, IrFunction
from pystap.program.types import Type, buffer_size

_AREA = 1024
"""Bytes that each argument and the result take in the map."""
_CELLS = MapSpec("cells", MapKind.ARRAY, 4, 8 * _AREA, 1, mmapable=True)
_CONTROL = MapSpec("control", MapKind.ARRAY, 4, 64, 1, mmapable=True)
_GARBAGE = b"\xa5"


class KernelCall:
    """One built-in, compiled for strings of at most `widths` bytes (an entry for each argument, 0 for longs).

    With `on_stack` the strings lie on the program's stack, else in map memory. `times` calls stand one behind the
    other, as in a handler that calls it more than once.
    """

    def __init__(self, row: Builtin, widths: Sequence[int] = (), on_stack: bool = False, times: int = 1) -> None:
        assert isinstance(row.kernel, IrFunction)
        self.row = row
        self.sizes = [
            buffer_size(width) if kind is Type.STRING else 0
            for width, (_, kind) in zip(widths, row.parameters, strict=True)
        ]
        self.out_size = 0
        if row.returns is Type.STRING:
            rule = row.width
            assert rule is not None
            self.out_size = buffer_size(rule if isinstance(rule, int) else rule(*widths))
        ir = self._module(row.kernel, on_stack, times)
        linked = link_object(compile_object(ir), ("cells", "control"))
        spec = with_kind(linked.programs["p"], ProgramKind.RAW_TRACEPOINT)
        self._image: LoadedImage = load_image([_CELLS, _CONTROL], [spec])
        self.cells = self._image.maps["cells"].mapping()
        self.control = self._image.maps["control"].mapping()
        self.program = self._image.programs["p"]

    def _module(self, function: IrFunction, on_stack: bool, times: int) -> str:
        lines: list[str] = []
        types: list[str] = []
        for i, (_, kind) in enumerate(self.row.parameters):
            lines.append(f"  %m{i} = getelementptr i8, ptr @cells, i64 {_AREA * (i + 1)}")
            if kind is Type.LONG:
                lines.append(f"  %a{i} = load volatile i64, ptr %m{i}, align 8")
                types.append(f"i64 %a{i}")
                continue
            size = self.sizes[i]
            if on_stack:
                lines.append(f"  %a{i} = alloca [{size} x i8], align 8")
                lines.append(
                    f"  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %a{i}, ptr align 8 %m{i}, i64 {size}, i1 true)"
                )
            else:
                lines.append(f"  %a{i} = getelementptr i8, ptr %m{i}, i64 0")
            types.append(f"ptr %a{i}, i64 {size}")
        if self.out_size:
            types.append(f"ptr @cells.out, i64 {self.out_size}")
        arguments = ", ".join(types).replace("@cells.out", "%out")
        lines.insert(0, f"  %out = getelementptr i8, ptr @cells, i64 {7 * _AREA}")
        for n in range(times):
            lines.append(f"  %r{n} = call i64 @{function.name}({arguments})")
            lines.append(f"  %w{n} = getelementptr i8, ptr @cells, i64 {8 * n}")
            lines.append(f"  store volatile i64 %r{n}, ptr %w{n}, align 8")
        body = "\n".join(lines)
        return (
            '@cells = external global [0 x i8], section ".maps"\n'
            '@control = external global [0 x i8], section ".maps"\n'
            + function.text
            + f'define i32 @p(ptr %ctx) "no-builtins" section "probe_p" {{\n{body}\n  ret i32 0\n}}\n'
        )

    def __call__(self, *arguments: int | str) -> int | str:
        """Return what the kernel makes of the arguments; checks that a string fills its whole buffer."""
        for i, value in enumerate(arguments):
            at = _AREA * (i + 1)
            if isinstance(value, str):
                data = value.encode("latin-1")
                assert len(data) < self.sizes[i]
                self.cells.memory[at : at + self.sizes[i]] = data.ljust(self.sizes[i], b"\0")
            else:
                struct.pack_into("<q", self.cells.memory, at, value)
        out = 7 * _AREA
        self.cells.memory[out : out + _AREA] = _GARBAGE * _AREA
        self.program.run(bytes(8))
        (result,) = struct.unpack_from("<q", self.cells.memory, 0)
        if self.row.returns is not Type.STRING:
            return int(result)
        buffer = bytes(self.cells.memory[out : out + self.out_size])
        text, _, rest = buffer.partition(b"\0")
        assert len(text) < self.out_size
        assert not rest.strip(b"\0"), "the buffer is not zero behind the string"
        assert result == len(text)
        assert bytes(self.cells.memory[out + self.out_size : out + _AREA]) == _GARBAGE * (_AREA - self.out_size)
        return text.decode("latin-1")

    def close(self) -> None:
        self._image.close()

    def __enter__(self) -> KernelCall:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
