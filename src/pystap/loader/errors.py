"""What the kernel says no to, in words that tell the user what to do about it."""

from __future__ import annotations

import errno as errno_module
import os

CAPABILITIES = {12: "CAP_NET_ADMIN", 19: "CAP_SYS_PTRACE", 21: "CAP_SYS_ADMIN", 38: "CAP_PERFMON", 39: "CAP_BPF"}
"""Numbers from the kernel's linux/capability.h."""

CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 21, 38, 39

ENOTSUPP = 524
"""The kernel's internal "not supported" (include/linux/errno.h) leaks out; the C library has no text for it."""

_LOG_NOISE = ("processed ", "verification time", "stack depth", "mark_precise", "from ", "max_states")


def error_text(code: int) -> str:
    """Return the text for an error number, ENOTSUPP included."""
    return "Operation not supported by this kernel" if code == ENOTSUPP else os.strerror(code)


class KernelRefused(Exception):
    """The kernel refused an operation.

    `operation` says what was tried ("load program probe_1"), `errno` is the error number, `verifier_log` the
    verifier's whole log ("" when there is none), `detail` a reason that is better than the error number's text.
    """

    def __init__(self, operation: str, errno: int, verifier_log: str = "", detail: str = "") -> None:
        super().__init__(operation, errno, verifier_log, detail)
        self.operation = operation
        self.errno = errno
        self.verifier_log = verifier_log
        self.detail = detail

    @property
    def reason(self) -> str:
        """The detail, else the verifier's last word, else the text of the error number."""
        if self.detail:
            return self.detail
        import re  # here and below: errors are rare, and it takes 3 ms

        for line in reversed(self.verifier_log.splitlines()):
            text = line.strip()
            if text and not text.startswith(_LOG_NOISE) and not re.match(r"\d+: ", text):
                return text
        return error_text(self.errno)

    @property
    def instruction(self) -> int | None:
        """Index of the instruction that the verifier was at when it refused; None when the log does not say."""
        import re

        found = re.findall(r"^(\d+): \(", self.verifier_log, re.MULTILINE)
        return int(found[-1]) if found else None

    def __str__(self) -> str:
        name = "ENOTSUPP" if self.errno == ENOTSUPP else errno_module.errorcode.get(self.errno, str(self.errno))
        return f"the kernel refused to {self.operation}: {self.reason} ({name})"


class MissingPrivilege(KernelRefused):
    """EPERM or EACCES for want of a right; says which one, or which setting of the system stands in the way."""

    def __init__(self, operation: str, errno: int, missing: tuple[str, ...], obstacles: tuple[str, ...]) -> None:
        super().__init__(operation, errno)
        self.missing = missing
        self.obstacles = obstacles

    @property
    def reason(self) -> str:
        parts = []
        if self.missing:
            noun = "capability" if len(self.missing) == 1 else "capabilities"
            parts.append(f"this needs the {noun} {' and '.join(self.missing)} (or root)")
        parts.extend(self.obstacles)
        return "; ".join(parts) or error_text(self.errno)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def effective_capabilities() -> int:
    """Return this process's effective capability set as a bit mask (proc(5), CapEff)."""
    import re

    match = re.search(r"^CapEff:\s*([0-9a-f]+)", _read("/proc/self/status"), re.MULTILINE)
    return int(match.group(1), 16) if match else 0


def missing_capabilities(needed: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of those `needed` capabilities that this process lacks; CAP_SYS_ADMIN stands for any."""
    held = effective_capabilities()
    if held >> CAP_SYS_ADMIN & 1:
        return ()
    return tuple(CAPABILITIES[number] for number in needed if not held >> number & 1)


def lockdown_mode() -> str:
    """Return the kernel's lockdown mode: "none", "integrity", "confidentiality", or "" when it cannot be known."""
    import re

    match = re.search(r"\[(\w+)\]", _read("/sys/kernel/security/lockdown"))
    return match.group(1) if match else ""


def obstacles() -> tuple[str, ...]:
    """Return the settings of this system that make it refuse BPF or perf to a process that has the capabilities."""
    import re

    found = []
    mode = lockdown_mode()
    if mode not in ("", "none"):
        found.append(f"kernel lockdown is in {mode} mode")
    if re.search(r"^Seccomp:\s*[12]", _read("/proc/self/status"), re.MULTILINE):
        found.append("a seccomp filter is in force (a container?)")
    if not found and not mode and held_capabilities_suffice():
        found.append("not permitted even with all capabilities, so probably kernel lockdown")
    return tuple(found)


def held_capabilities_suffice() -> bool:
    """Whether this process may, as far as capabilities go, do everything with BPF and perf."""
    return bool(effective_capabilities() >> CAP_SYS_ADMIN & 1)


def refusal(
    operation: str, code: int, needed: tuple[int, ...] = (CAP_BPF, CAP_PERFMON), log: str = ""
) -> KernelRefused:
    """Return the exception for a failed system call: `MissingPrivilege` where rights are the cause.

    A verifier log means that the verifier ran, so an EACCES is its judgement and not a matter of rights.
    """
    if code not in (errno_module.EPERM, errno_module.EACCES) or log.strip():
        return KernelRefused(operation, code, log)
    missing = missing_capabilities(needed)
    extra = obstacles()
    if missing:
        setting = _read("/proc/sys/kernel/unprivileged_bpf_disabled").strip()
        if CAP_BPF in needed and setting not in ("", "0"):
            extra = (*extra, f"kernel.unprivileged_bpf_disabled is {setting}")
        paranoid = _read("/proc/sys/kernel/perf_event_paranoid").strip()
        if CAP_BPF not in needed and paranoid:
            extra = (*extra, f"kernel.perf_event_paranoid is {paranoid}")
    if missing or extra:
        return MissingPrivilege(operation, code, missing, extra)
    return KernelRefused(operation, code, log)
