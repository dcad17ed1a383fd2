"""Features: what must work on every supported kernel, the cache, and fakes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pystap.debuginfo.btf import Btf, BtfKind
from pystap.loader import features as features_module
from pystap.loader.errors import KernelRefused, MissingPrivilege
from pystap.loader.features import kernel_features, try_feature
from pystap.program.features import Feature, KernelFeatures

from .test_privilege import as_nobody

ALWAYS = (
    Feature.RAW_TRACEPOINT,
    Feature.TYPED_TRACEPOINT,
    Feature.PERF_EVENT,
    Feature.RING_BUFFER,
    Feature.RUN_ON_DEMAND,
    Feature.MAP_BATCH,
    Feature.UPROBE,
)
"""What 5.10 has already."""


@pytest.fixture(scope="module")
def find_type() -> features_module.TypeFinder:
    btf = Btf.kernel()
    return lambda name, kind: btf.find(name, BtfKind[kind.upper()])


@pytest.mark.guest(native=True)
@pytest.mark.parametrize("feature", ALWAYS)
def test_works_on_every_kernel(feature: Feature, find_type: features_module.TypeFinder) -> None:
    assert try_feature(feature, find_type) == ""


@pytest.mark.guest
@pytest.mark.parametrize("feature", [Feature.KPROBE, Feature.FENTRY, Feature.HARDWARE_BREAKPOINTS])
def test_works_where_nothing_is_locked_down(feature: Feature, find_type: features_module.TypeFinder) -> None:
    assert try_feature(feature, find_type) == ""


@pytest.mark.guest(native=True)
@pytest.mark.parametrize("feature", list(Feature))
def test_every_feature_can_be_tried(feature: Feature, find_type: features_module.TypeFinder) -> None:
    assert isinstance(try_feature(feature, find_type), str)


def test_names_what_is_refused() -> None:
    features = KernelFeatures({Feature.FENTRY: "kernel lockdown", Feature.BPF_LOOP: ""})
    assert features.describe(Feature.FENTRY) == "fentry programs (refused: kernel lockdown)"
    assert features.describe(Feature.BPF_LOOP) == "bpf_loop"
    assert not features.has(Feature.KPROBE)


def test_fake() -> None:
    features = KernelFeatures.fake([Feature.KPROBE])
    assert [feature for feature in Feature if features.has(feature)] == [Feature.KPROBE]


def test_answers_are_kept_for_the_same_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Feature] = []

    def fake_probe(feature: Feature, _: object) -> None:
        tried.append(feature)
        if feature is Feature.KPROBE:
            raise KernelRefused("use kprobes", errno.EOPNOTSUPP, detail="built without")

    monkeypatch.setattr(features_module, "_probe", fake_probe)
    for _ in range(2):
        features = kernel_features(lambda name, kind: None, "build-1", str(tmp_path))
        assert features.has(Feature.RING_BUFFER)
        assert features.refusal(Feature.KPROBE) == "built without"
        assert features.refusal(Feature.KPROBE) == "built without"
    assert tried == [Feature.RING_BUFFER, Feature.KPROBE]
    assert not kernel_features(lambda name, kind: None, "build-2", str(tmp_path)).answers
    (tmp_path / "kernel-features").write_bytes(b"\xff")
    assert kernel_features(lambda name, kind: None, "build-1", str(tmp_path)).has(Feature.RING_BUFFER)
    assert (tmp_path / "kernel-features").read_text().splitlines()[1:] == ["RING_BUFFER "]


def test_missing_rights_are_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake_probe(feature: Feature, _: object) -> None:
        raise MissingPrivilege("load", errno.EPERM, ("CAP_BPF",), ())

    monkeypatch.setattr(features_module, "_probe", fake_probe)
    features = kernel_features(lambda name, kind: None, "build-1", str(tmp_path))
    with pytest.raises(MissingPrivilege):
        features.has(Feature.KPROBE)
    assert not list(tmp_path.iterdir())


def test_nobody_cannot_find_out() -> None:
    text = as_nobody(lambda: try_feature(Feature.RAW_TRACEPOINT, lambda name, kind: None))
    assert text.startswith("MissingPrivilege")


@pytest.mark.guest(native=True)
def test_calls_are_followed_from_linux_6_4_on(find_type: features_module.TypeFinder) -> None:
    """Debian's 5.10 and 6.1 have the fault; what the code generator leaves out there is tested with its code."""
    release = tuple(int(number) for number in os.uname().release.split(".")[:2])
    refusal = try_feature(Feature.FUNCTION_CALLS, find_type)
    if release >= (6, 4):
        assert refusal == ""
    elif "-amd64" in os.uname().release:
        assert "removes code behind calls that is not dead" in refusal
