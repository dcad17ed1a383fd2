"""Performance events (linux/perf_event.h)."""

from __future__ import annotations

from .names import SAME, Flags, Names, pairs, structure, values

perf_event_flags = Flags(
    "PERF_FLAG_FD_NO_GROUP=1 PERF_FLAG_FD_OUTPUT=2 PERF_FLAG_PID_CGROUP=4 PERF_FLAG_FD_CLOEXEC=8", bits=64
)
_TYPES = Names("""
PERF_TYPE_HARDWARE PERF_TYPE_SOFTWARE PERF_TYPE_TRACEPOINT PERF_TYPE_HW_CACHE PERF_TYPE_RAW PERF_TYPE_BREAKPOINT
""")
_HARDWARE = Names(
    """
CPU_CYCLES INSTRUCTIONS CACHE_REFERENCES CACHE_MISSES BRANCH_INSTRUCTIONS BRANCH_MISSES BUS_CYCLES
STALLED_CYCLES_FRONTEND STALLED_CYCLES_BACKEND REF_CPU_CYCLES""",
    prefix="PERF_COUNT_HW_",
    bits=64,
)
_SOFTWARE = Names(
    """
CPU_CLOCK TASK_CLOCK PAGE_FAULTS CONTEXT_SWITCHES CPU_MIGRATIONS PAGE_FAULTS_MIN PAGE_FAULTS_MAJ ALIGNMENT_FAULTS
EMULATION_FAULTS DUMMY BPF_OUTPUT CGROUP_SWITCHES""",
    prefix="PERF_COUNT_SW_",
    bits=64,
)
_CACHES = Names("L1D L1I LL DTLB ITLB BPU NODE", prefix="PERF_COUNT_HW_CACHE_")
_OPERATIONS = Names("PERF_COUNT_HW_CACHE_OP_READ PERF_COUNT_HW_CACHE_OP_WRITE PERF_COUNT_HW_CACHE_OP_PREFETCH")
_RESULTS = Names("PERF_COUNT_HW_CACHE_RESULT_ACCESS PERF_COUNT_HW_CACHE_RESULT_MISS")
_SAMPLES = """
IP TID TIME ADDR READ CALLCHAIN ID CPU PERIOD STREAM_ID RAW BRANCH_STACK REGS_USER STACK_USER WEIGHT DATA_SRC IDENTIFIER
TRANSACTION REGS_INTR PHYS_ADDR AUX CGROUP DATA_PAGE_SIZE CODE_PAGE_SIZE WEIGHT_STRUCT
"""
_SAMPLE = Flags(" ".join(f"PERF_SAMPLE_{name}={1 << bit:#x}" for name, bit in pairs(_SAMPLES)), bits=64)
_READ = Flags(
    """
PERF_FORMAT_TOTAL_TIME_ENABLED=1 PERF_FORMAT_TOTAL_TIME_RUNNING=2 PERF_FORMAT_ID=4 PERF_FORMAT_GROUP=8
PERF_FORMAT_LOST=0x10 """,
    bits=64,
)
_BIT_NAMES = """
disabled inherit pinned exclusive exclude_user exclude_kernel exclude_hv exclude_idle mmap comm freq inherit_stat
enable_on_exec task watermark
"""
_BITS = pairs(_BIT_NAMES)
_SIZES = {64: 0, 72: 1, 80: 2, 96: 3, 104: 4, 112: 5, 120: 6, 128: 7, 136: 8}


def _config(kind: int, config: int) -> str:
    match kind:
        case 0:
            return _HARDWARE[config]
        case 1:
            return _SOFTWARE[config]
        case 3:
            parts = _RESULTS[config >> 16 & 0xFF], _OPERATIONS[config >> 8 & 0xFF], _CACHES[config & 0xFF]
            return f"{parts[0]}<<16|{parts[1]}<<8|{parts[2]}"
    return f"0x{config:x}"


@structure(64, narrow=SAME)
def perf_event(data: bytes) -> str:
    """Return the first version of struct perf_event_attr; of its bits those that are set."""
    kind, size = (int.from_bytes(data[i : i + 4], "little") for i in (0, 4))
    config, period, sample, read, bits = (int.from_bytes(data[i : i + 8], "little") for i in (8, 16, 24, 32, 40))
    version = f"PERF_ATTR_SIZE_VER{_SIZES[size]}" if size in _SIZES else str(size)
    text = f"type={_TYPES[kind]}, size={version}, config={_config(kind, config)}"
    text += f", {'sample_freq' if bits >> 10 & 1 else 'sample_period'}={period}, sample_type={_SAMPLE[sample]}"
    text += f", read_format={_READ[read]}"
    return "{" + text + "".join(f", {name}=1" for name, bit in _BITS if bits >> bit & 1) + "}"


DECODERS = (*values(perf_event_flags=perf_event_flags), perf_event)
