"""What the language is made of here: probe kinds, built-in functions, the tapset library, the kernel's types.

The driver hands these to the elaborator, which knows none of them by name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache, cached_property, partial

from .arch import x86_64 as arch
from .cache import open_cache
from .debuginfo.btf import Btf
from .debuginfo.btf_types import BtfKind
from .debuginfo.kernel_types import KernelTypes
from .diagnostics import Diagnostics
from .elaborate.walk import all_expressions
from .kernel import KernelFacts, TaskLayout
from .kernel.handlers import context_values
from .kernel.process_tracking import LAYOUT, OFFSETS, limit_of
from .lean import TYPE_CHECKING, Any
from .loader.errors import KernelRefused, MissingPrivilege
from .loader.features import kernel_features
from .loader.maps import possible_cpus
from .probes.phases import NeverKind, PhaseKind
from .probes.timer import TimerKind
from .program.attach import SYSCALL_FAMILIES, KernelFunctions, ProcessEvents, Syscalls, Uprobes
from .program.builtins import Builtin
from .program.extension import DerivedPoint, PointPart, ProbeKind
from .program.features import Feature, KernelFeatures
from .program.nodes import ContextKind, ContextValue
from .program.program import ElaboratedProgram, Handler, Target
from .records import dataclass
from .source import SourceFile
from .syntax import Macro, PreprocessorFacts, ast, parse_script, read_macros
from .tapset import functions, library_index

if TYPE_CHECKING:
    from .probes.syscall import SyscallTables


def probe_kinds(listing: bool = False, guru: bool = False, command: str = "", pid: int = 0) -> dict[str, ProbeKind]:
    """Return the probe kinds by the first component of their points; `listing` as in `_kernel_kinds`.

    `guru` is whether the script may do what nothing checks (stap -g); `command` and `pid` are what -c and -x name.
    """
    kinds: list[ProbeKind] = [
        PhaseKind("begin"),
        PhaseKind("end"),
        PhaseKind("error"),
        NeverKind(),
        TimerKind(),
        *(LateKind(root, partial(_syscall_kind, root), keeps_wildcards=True) for root in SYSCALL_FAMILIES),
        LateKind("syscall_any", _syscall_any_kind),
        LateKind("perf", lambda: _perf_kind(listing)),
        *(LateKind(root, partial(_kernel_kind, root, listing, guru)) for root in ("kernel", "module", "kprobe")),
        _process_kind(listing, command, pid),
        LateKind("netfilter", lambda: _netfilter_kind(listing)),
        *(LateKind(root, partial(_refused_kind, root)) for root in ("python2", "python3", "java")),
        LateKind("procfs", _procfs_kind),
        LateKind("input", _input_kind),
    ]
    return {kind.root: kind for kind in kinds}


@dataclass(frozen=True, slots=True)
class LateKind:
    """A probe kind that is made when it is first asked something: few scripts need what it imports."""

    root: str
    make: Callable[[], ProbeKind]
    keeps_wildcards: bool = False

    def forms(self) -> Iterable[str]:
        return self.make().forms()

    def aliases(self) -> Iterable[str]:
        return self.make().aliases()

    def names(self, parts: Sequence[PointPart]) -> Iterable[str]:
        return self.make().names(parts)

    def listed(self, parts: Sequence[PointPart]) -> Iterable[Sequence[PointPart]]:
        return self.make().listed(parts)

    def derive(self, parts: Sequence[PointPart]) -> Sequence[DerivedPoint]:
        return self.make().derive(parts)


def _process_kind(listing: bool, command: str, pid: int) -> ProbeKind:
    """Return the kind on user programs; `command` and `pid` are what -c and -x name."""

    @cache
    def make() -> ProbeKind:
        from .user_probes import process_kind

        refusal = "" if listing else user_code_refusal()
        watching = (lambda: "") if listing else watchpoint_refusal
        return process_kind(command, pid, kernel_types, open_cache(os.environ).folder, refusal, watching)

    return LateKind("process", make)


@cache
def _call_tables() -> SyscallTables:
    from .tapset.syscalls.values import CallTables

    return CallTables()


@cache
def _syscall_kind(family: str) -> ProbeKind:
    from .probes.syscall import SyscallKind

    return SyscallKind(_call_tables(), family)


@cache
def _syscall_any_kind() -> ProbeKind:
    from .probes.syscall import SyscallAnyKind

    return SyscallAnyKind(_call_tables())


@cache
def _perf_kind(listing: bool) -> ProbeKind:
    from .probes.perf import PerfKind

    return PerfKind((lambda type_, config: "") if listing else perf_refusal)


@cache
def _kernel_kind(root: str, listing: bool, guru: bool) -> ProbeKind:
    """Return a kind on kernel code; with `listing` it does not matter whether this kernel lets it be probed."""
    return _kernel_kinds(listing, guru or listing)[root]


@cache
def _kernel_kinds(listing: bool, guru: bool) -> Mapping[str, ProbeKind]:
    from .kernel_probes import kernel_kinds

    def nothing() -> str:
        return ""

    refusals = (nothing, nothing) if listing else (function_refusal, watchpoint_refusal)
    return kernel_kinds(kernel_types, *refusals, lambda: listing or _has(_features(), Feature.FENTRY), guru)


@cache
def _netfilter_kind(listing: bool) -> ProbeKind:
    from .kernel_probes import function_facts
    from .probes.function import function_point
    from .probes.netfilter import NetfilterKind
    from .probes.netfilter_functions import ByFunctions

    def refusal() -> str:
        features = _features()
        return "" if listing or _has(features, Feature.NETFILTER) else features.describe(Feature.NETFILTER)

    def by_functions() -> ByFunctions:
        facts = function_facts(kernel_types)
        return ByFunctions(kernel_types, lambda: facts, lambda name: function_point(name, "", facts), function_refusal)

    return NetfilterKind(kernel_types, refusal, by_functions)


@cache
def _refused_kind(root: str) -> ProbeKind:
    from .probes.refused import RefusedKind

    return RefusedKind(root)


@cache
def _procfs_kind() -> ProbeKind:
    from .probes.procfs import ProcfsKind

    return ProcfsKind(_only_row)


@cache
def _input_kind() -> ProbeKind:
    from .probes.procfs import InputKind

    return InputKind(_only_row)


def _only_row(name: str) -> Builtin:
    (row,) = functions.lookup(name)
    return row


def user_code_refusal() -> str:
    """Return why user code cannot be probed here, "" when it can."""
    features = _features()
    return "" if _has(features, Feature.UPROBE) else features.describe(Feature.UPROBE)


def watchpoint_refusal() -> str:
    """Return why hardware breakpoints cannot be had, "" when they can."""
    features = _features()
    kind = Feature.HARDWARE_BREAKPOINTS
    return "" if _has(features, kind) else features.describe(kind)


@cache
def perf_refusal(type_: int, config: int) -> str:
    """Return why a perf event cannot be opened, "" when it can; a missing right is not known before the run."""
    from .loader.links import PerfEventSpec, open_perf_event

    try:
        os.close(open_perf_event(PerfEventSpec(type_, config, pid=0)))
    except MissingPrivilege:
        return ""
    except KernelRefused as error:
        missing = (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP)
        return "neither its processor nor its kernel counts that" if error.errno in missing else error.reason
    return ""


def function_refusal() -> str:
    """Return why kernel functions cannot be probed here, "" when they can."""
    features = _features()
    kinds = (Feature.KPROBE, Feature.KPROBE_MULTI, Feature.FENTRY)
    if any(_has(features, kind) for kind in kinds):
        return ""
    return "; ".join(features.describe(kind) for kind in kinds)


OUTPUT_BUFFER = 1 << 24
"""Bytes of the ring buffer of a script whose kernel handlers send output; -s sets another size."""
ERROR_BUFFER = 1 << 18
"""The same where they only report errors."""


class Builtins:
    """The declared built-in functions as elaboration asks for them."""

    def lookup(self, name: str) -> Sequence[Builtin]:
        return functions.lookup(name)

    def names(self) -> Iterable[str]:
        return functions.names()


@cache
def kernel_types() -> KernelTypes:
    """Return the types of the running kernel, read at the first use."""
    return KernelTypes(Btf.kernel())


def kernel_facts(program: ElaboratedProgram, timing: bool) -> KernelFacts:
    """Return what the kernel code generator must know of this machine, found by trying what the program needs.

    Without the privilege to try, the answers of a current kernel are assumed: who runs the image will see.
    """
    kernel_handlers = [handler for handler in program.handlers if handler.target is Target.KERNEL]
    if not kernel_handlers:
        return KernelFacts(possible_cpus=1)
    features = _features()
    typed = None
    if any(_reads_call_registers(handler) for handler in kernel_handlers) and _has(features, Feature.TYPED_TRACEPOINT):
        entry, exit_ = _type_id("btf_trace_sys_enter", "typedef"), _type_id("btf_trace_sys_exit", "typedef")
        typed = (entry, exit_) if entry is not None and exit_ is not None else None
    calls = _has(features, Feature.FUNCTION_CALLS)
    return KernelFacts(
        possible_cpus=max(possible_cpus()) + 1,
        fetching_atomics=_has(features, Feature.FETCHING_ATOMICS),
        function_calls=calls,
        bpf_loop=calls and _has(features, Feature.BPF_LOOP),
        typed_syscall_tracepoints=typed,
        thread_status_offset=_thread_status_offset(kernel_handlers),
        timing=timing,
        **_function_mechanisms(kernel_handlers, features),
        ringbuf_bytes=OUTPUT_BUFFER if program.events or _context_kinds(kernel_handlers) & _STACKS else ERROR_BUFFER,
        task=_task_layout(features) if _context_kinds(kernel_handlers) & _USER_MODE else None,
        **_process_members(kernel_handlers),
    )


_USER_MODE = {ContextKind.USER_STACK, ContextKind.USER_ADDRESS, ContextKind.ADDRESS_SPACE}
_STACKS = _USER_MODE | {ContextKind.KERNEL_STACK}


def _context_kinds(handlers: Sequence[Handler]) -> set[ContextKind]:
    """Return the kinds of context values that handlers read, in functions that they call too."""
    return {value.kind for handler in handlers for value in context_values(handler)}


def _task_layout(features: KernelFeatures) -> TaskLayout:
    """Return where the kernel keeps what a process is in user mode."""

    def offset(kind: str, *path: str) -> int:
        return kernel_types().member_address(kind, path)[1]

    return TaskLayout(
        mm=offset("task_struct", "mm"),
        exec_id=offset("task_struct", "self_exec_id"),
        stack=offset("task_struct", "stack"),
        thread_pointer=offset("task_struct", *arch.THREAD_POINTER_FIELD),
        start_code=offset("mm_struct", "start_code"),
        end_code=offset("mm_struct", "end_code"),
        start_stack=offset("mm_struct", "start_stack"),
        mmap_base=offset("mm_struct", "mmap_base"),
        has_registers_helper=_has(features, Feature.TASK_REGISTERS),
    )


def _thread_status_offset(handlers: Sequence[Handler]) -> int | None:
    if not any(isinstance(handler.attach, Syscalls) for handler in handlers):
        return None
    try:
        return kernel_types().member_address("task_struct", ("thread_info", "status"))[1]
    except LookupError:
        return None


def _function_mechanisms(handlers: Sequence[Handler], features: KernelFeatures) -> dict[str, Any]:
    if any(isinstance(handler.attach, Uprobes) for handler in handlers):
        mechanisms = {
            "uprobe_multi": _has(features, Feature.UPROBE_MULTI),
            "sleepable_uprobes": _has(features, Feature.SLEEPABLE_UPROBE),
            "attach_cookies": _has(features, Feature.ATTACH_COOKIE),
        }
    else:
        mechanisms = {}
    points = [point for one in handlers if isinstance(one.attach, KernelFunctions) for point in one.attach.points]
    if not points:
        return mechanisms
    return mechanisms | {
        "fentry": any(point.btf_id for point in points) and _has(features, Feature.FENTRY),
        "kprobe_multi": _has(features, Feature.KPROBE_MULTI),
        "attach_cookies": _has(features, Feature.ATTACH_COOKIE),
    }


def _process_members(handlers: Sequence[Handler]) -> dict[str, Any]:
    """Return the kernel facts that process tracking needs, if a handler is about processes or limited to some."""
    if not any(limit_of(handler) != (0, "") or isinstance(handler.attach, ProcessEvents) for handler in handlers):
        return {}
    types = kernel_types()
    return {
        "process_layout": {name: tuple(types.member_loads(*place)) for name, place in LAYOUT.items()},
        "process_offsets": {name: types.member_address(*place)[1] for name, place in OFFSETS.items()},
    }


def _features() -> KernelFeatures:
    folder = open_cache(os.environ).folder
    try:
        with open("/sys/kernel/notes", "rb") as file:
            identity = file.read().hex()
    except OSError:
        identity = ""
    return kernel_features(_type_id, identity[-40:], folder)


def _has(features: KernelFeatures, feature: Feature) -> bool:
    try:
        return features.has(feature)
    except MissingPrivilege:
        return True


def _type_id(name: str, kind: str) -> int | None:
    kinds = {"func": BtfKind.FUNC, "typedef": BtfKind.TYPEDEF}
    return kernel_types().btf.find(name, kinds[kind])


def _reads_call_registers(handler: Handler) -> bool:
    """Tell whether a handler needs the saved registers of a system call: its arguments, or the number at return."""
    if not isinstance(handler.attach, Syscalls):
        return False
    returns = handler.attach.returns
    for expression in all_expressions(handler.body):
        if isinstance(expression, ContextValue):
            if expression.kind is ContextKind.SYSCALL_ARGUMENT:
                return True
            if returns and expression.kind is ContextKind.SYSCALL_NUMBER:
                return True
    return returns and handler.attach.numbers is not None


class Library:
    """The tapset library: pystap's own files and those of `-I` folders, each parsed when one of its names is needed."""

    def __init__(self, facts: PreprocessorFacts, diagnostics: Diagnostics, folders: Sequence[str] = ()) -> None:
        self._facts = facts
        self._diagnostics = diagnostics
        self._parsed: dict[str, ast.ScriptFile] = {}
        special = [place for folder in folders for place in _tapset_places(folder, facts.kernel_release, facts.arch)]
        self._special = special
        self.macros: Mapping[str, Macro] = LibraryMacros(facts, diagnostics, special)

    @cached_property
    def _index(self) -> library_index.LibraryIndex:
        return library_index.read_index(self._special)

    @property
    def parsed_files(self) -> int:
        """How many library files were parsed so far."""
        return len(self._parsed)

    def file_of_function(self, name: str) -> ast.ScriptFile | None:
        path = self._index.functions.get(name)
        return self._parse(path) if path is not None else None

    def file_of_global(self, name: str) -> ast.ScriptFile | None:
        path = self._index.globals.get(name)
        return self._parse(path) if path is not None else None

    def function_names(self) -> Iterable[str]:
        return self._index.functions

    def aliases(self, root: str) -> Sequence[ast.AliasDeclaration]:
        known = self._index.aliases
        paths = dict.fromkeys(path for name in known if fnmatchcase(name, root) for path in known[name])
        items = (item for path in paths for item in self._parse(path).items)
        return [item for item in items if isinstance(item, ast.AliasDeclaration) and _has_root(item, root)]

    def alias_roots(self) -> Iterable[str]:
        return self._index.aliases

    def _parse(self, path: str) -> ast.ScriptFile:
        if path not in self._parsed:
            self._parsed[path] = parse_script(_source(path), self._facts, self.macros, diagnostics=self._diagnostics)
        return self._parsed[path]


class LibraryMacros(Mapping[str, Macro]):
    """The macros of the library: those of `-I` folders, read at once, before pystap's own, read when one is used."""

    def __init__(self, facts: PreprocessorFacts, diagnostics: Diagnostics, places: Sequence[str]) -> None:
        self._facts = facts
        self._diagnostics = diagnostics
        self._read: dict[str, Macro] = {}
        for place in places:
            for path in library_index.folder_files(place, ".stpm"):
                self._read.update(read_macros(_source(path), facts, self, diagnostics=diagnostics))

    @cached_property
    def _own(self) -> Mapping[str, str]:
        return library_index.macro_files()

    def __getitem__(self, name: str) -> Macro:
        if name not in self._read:
            known = read_macros(_source(self._own[name]), self._facts, self, diagnostics=self._diagnostics)
            self._read = known | self._read
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._own, **self._read})

    def __len__(self) -> int:
        return len({**self._own, **self._read})


def _has_root(alias: ast.AliasDeclaration, root: str) -> bool:
    return any(fnmatchcase(name.components[0].name, root) for name in alias.names)


def _tapset_places(folder: str, release: str, arch: str) -> list[str]:
    """Return the folders of a `-I` folder that fit this machine, the most special first (man stap, pass 2).

    For 6.1.0-9-amd64 on x86_64 these are 6.1.0-9-amd64/x86_64, 6.1.0-9-amd64, then the same for 6.1.0 and 6.1, then
    x86_64 and the folder itself.
    """
    short = release.split("-", maxsplit=1)[0]
    versions = dict.fromkeys((release, short, ".".join(short.split(".")[:2])))
    places = [place for version in versions for place in (f"{folder}/{version}/{arch}", f"{folder}/{version}")]
    return [*places, f"{folder}/{arch}", folder]


def _source(path: str) -> SourceFile:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return SourceFile(path, file.read(), is_library=True)
