"""What the language is made of here: probe kinds, built-in functions, the tapset library, the kernel's types.

The driver hands these to the elaborator, which knows none of them by name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache, cached_property, partial

from .cache import open_cache
from .diagnostics import Diagnostics
from .lean import TYPE_CHECKING
from .loader.errors import KernelRefused, MissingPrivilege
from .probes.phases import NeverKind, PhaseKind
from .probes.timer import TimerKind
from .program.attach import SYSCALL_FAMILIES
from .program.builtins import Builtin
from .program.extension import DerivedPoint, PointPart, ProbeKind
from .program.features import Feature, KernelFeatures
from .records import dataclass
from .source import SourceFile
from .syntax import Macro, PreprocessorFacts, ast, parse_script, read_macros
from .tapset import functions, library_index

if TYPE_CHECKING:
    from .debuginfo.kernel_types import KernelTypes
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

    def grants(feature: Feature) -> Callable[[], bool]:
        return lambda: listing or has(features_here(), feature)

    return kernel_kinds(kernel_types, *refusals, grants(Feature.FENTRY), grants(Feature.KPROBE_MULTI), guru)


@cache
def _netfilter_kind(listing: bool) -> ProbeKind:
    from .kernel_probes import function_facts
    from .probes.function import function_point
    from .probes.netfilter import NetfilterKind
    from .probes.netfilter_functions import ByFunctions

    def refusal() -> str:
        features = features_here()
        return "" if listing or has(features, Feature.NETFILTER) else features.describe(Feature.NETFILTER)

    def by_functions() -> ByFunctions:
        facts = function_facts(kernel_types, lambda: True)
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
    features = features_here()
    return "" if has(features, Feature.UPROBE) else features.describe(Feature.UPROBE)


def watchpoint_refusal() -> str:
    """Return why hardware breakpoints cannot be had, "" when they can."""
    features = features_here()
    kind = Feature.HARDWARE_BREAKPOINTS
    return "" if has(features, kind) else features.describe(kind)


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
    features = features_here()
    kinds = (Feature.KPROBE, Feature.KPROBE_MULTI, Feature.FENTRY)
    if any(has(features, kind) for kind in kinds):
        return ""
    return "; ".join(features.describe(kind) for kind in kinds)


class Builtins:
    """The declared built-in functions as elaboration asks for them."""

    def lookup(self, name: str) -> Sequence[Builtin]:
        return functions.lookup(name)

    def names(self) -> Iterable[str]:
        return functions.names()


@cache
def kernel_types() -> KernelTypes:
    """Return the types of the running kernel, read at the first use."""
    from .debuginfo.btf import Btf
    from .debuginfo.kernel_types import KernelTypes

    return KernelTypes(Btf.kernel())


def features_here() -> KernelFeatures:
    """Return what the running kernel can do."""
    return _features(open_cache(os.environ).folder)


@cache
def _features(folder: str) -> KernelFeatures:
    from .loader.features import kernel_features

    try:
        with open("/sys/kernel/notes", "rb") as file:
            identity = file.read().hex()
    except OSError:
        identity = ""
    return kernel_features(type_id, identity[-40:], folder)


def has(features: KernelFeatures, feature: Feature) -> bool:
    """Tell whether the kernel has a feature, True where only more privilege could tell."""
    try:
        return features.has(feature)
    except MissingPrivilege:
        return True


def type_id(name: str, kind: str) -> int | None:
    """Return the id of a function ("func") or a "typedef" of the kernel's type information; None when it has none."""
    from .debuginfo.btf_types import BtfKind

    kinds = {"func": BtfKind.FUNC, "typedef": BtfKind.TYPEDEF}
    return kernel_types().btf.find(name, kinds[kind])


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
