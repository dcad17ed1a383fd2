"""What the running kernel can do, as answers that anything may be asked of and tests may fake.

Found by trying, never by version number: distributions carry features to older kernels. The trying itself is in
`loader/features.py`; here are the questions and the object that remembers the answers.
"""

from __future__ import annotations

from ..lean import Callable, Enum, Iterable
from ..records import dataclass, field


class Feature(Enum):
    """A thing that kernels differ in; the value is its name for people."""

    RAW_TRACEPOINT = "raw tracepoint programs"
    TYPED_TRACEPOINT = "typed tracepoint programs (tp_btf)"
    SLEEPABLE_RAW_TRACEPOINT = "sleepable raw tracepoint programs"
    PERF_EVENT = "programs on perf events"
    HARDWARE_COUNTERS = "hardware performance counters"
    HARDWARE_BREAKPOINTS = "hardware breakpoints"
    KPROBE = "kernel function probes (kprobes)"
    KPROBE_MULTI = "probes on many kernel functions at once (kprobe-multi)"
    FENTRY = "fentry programs"
    UPROBE = "user function probes (uprobes)"
    SLEEPABLE_UPROBE = "user function probes by programs that sleep"
    UPROBE_MULTI = "probes on many user functions at once (uprobe-multi)"
    ATTACH_COOKIE = "attach cookies"
    FUNCTION_ADDRESS = "the probed function's address (bpf_get_func_ip)"
    BPF_LOOP = "bpf_loop"
    FOR_EACH_MAP_ELEMENT = "bpf_for_each_map_elem"
    FETCHING_ATOMICS = "atomic operations that return a value"
    RING_BUFFER = "BPF ring buffers"
    NETFILTER = "netfilter programs"
    RUN_ON_DEMAND = "running raw tracepoint programs on demand"
    MAP_BATCH = "batched map reading"
    TASK_REGISTERS = "the saved registers of user mode (bpf_task_pt_regs)"
    CPU_V4 = "the BPF instruction set v4"
    FUNCTION_CALLS = "functions that the verifier follows rightly"


@dataclass(frozen=True)
class KernelFeatures:
    """The answers for one kernel. `answers` holds "" for what works and the reason for what is refused.

    What is not in it is asked of `probe`, once; without a probe it counts as refused.
    """

    answers: dict[Feature, str] = field(default_factory=dict)
    probe: Callable[[Feature], str] | None = None

    @staticmethod
    def fake(available: Iterable[Feature]) -> KernelFeatures:
        """Return a kernel that has just these features, for tests."""
        return KernelFeatures(dict.fromkeys(available, ""))

    def refusal(self, feature: Feature) -> str:
        """Return why the kernel refuses a feature, "" when it works. Passes on what the probe raises."""
        answer = self.answers.get(feature)
        if answer is None:
            answer = self.probe(feature) if self.probe else "not available"
            self.answers[feature] = answer
        return answer

    def has(self, feature: Feature) -> bool:
        return not self.refusal(feature)

    def describe(self, feature: Feature) -> str:
        """Return the feature for a message: its name, and in brackets why it is refused, if it is."""
        reason = self.refusal(feature)
        return f"{feature.value} (refused: {reason})" if reason else feature.value
