"""A small runtime for the user side of built-ins: keeps what they do."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


class Aborted(Exception):
    pass


class Recorder:
    """Fulfils tapset/services.Services and writes down every call."""

    def __init__(self) -> None:
        self.max_string = 511
        self.matched_groups: tuple[str, ...] | None = None
        self.probe_point = "begin"
        self.target_pid = 0
        self.output = ""
        self.calls: list[tuple[str, ...]] = []
        self.memory: dict[int, bytes] = {}
        self._states: dict[type, Any] = {}

    def write(self, text: str, /) -> None:
        self.output += text

    def log(self, text: str, /) -> None:
        self.calls.append(("log", text))

    def warn(self, text: str, /) -> None:
        self.calls.append(("warn", text))

    def exit(self) -> None:
        self.calls.append(("exit",))

    def abort(self) -> None:
        raise Aborted

    def switch_file(self) -> None:
        self.calls.append(("switch_file",))

    def system(self, command: str, /) -> None:
        self.calls.append(("system", command))

    def read_kernel_memory(self, address: int, size: int, /) -> bytes | None:
        data = self.memory.get(address)
        return data[:size] if data is not None else None

    def state(self, kind: type[T], /) -> T:
        instance: T = self._states.setdefault(kind, kind())
        return instance
