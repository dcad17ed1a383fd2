"""Finding guest kernels, with file trees made for the case."""

from pathlib import Path

import pytest

from tests.vm import kernels


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYSTAP_KERNELS", str(tmp_path))
    return tmp_path


def _make(image: Path, modules: Path) -> None:
    image.parent.mkdir(parents=True, exist_ok=True)
    image.touch()
    (modules / "kernel").mkdir(parents=True)


def test_find_takes_the_newest_of_the_series(folder: Path) -> None:
    root = folder / "4.4"
    for release in ("4.4.9-amd64", "4.4.10-amd64", "4.41.1-amd64"):
        _make(root / "boot" / f"vmlinuz-{release}", root / "lib/modules" / release)
    assert kernels.find("4.4") == kernels.GuestKernel("4.4", "4.4.10-amd64", root / "boot/vmlinuz-4.4.10-amd64")


def test_find_knows_the_split_packages(folder: Path) -> None:
    modules = folder / "4.4/usr/lib/modules/4.4.1"
    _make(modules / "vmlinuz", modules)
    assert kernels.find("4.4") == kernels.GuestKernel("4.4", "4.4.1", modules / "vmlinuz")


def test_an_image_without_modules_is_no_kernel(folder: Path) -> None:
    (folder / "4.4/boot").mkdir(parents=True)
    (folder / "4.4/boot/vmlinuz-4.4.1").touch()
    assert kernels.find("4.4") is None


def test_obtain_names_the_series_that_can_be_fetched(folder: Path) -> None:
    with pytest.raises(kernels.KernelNotFound, match=r"no kernel 4\.4 .* 5\.10, 6\.1, 6\.12, 7\.3"):
        kernels.obtain("4.4")


def test_packages_of_a_split_kernel() -> None:
    depends = "linux-image-amd64\n  Depends: linux-base-amd64\nlinux-base-7.3.4\nlinux-image-7.3.4\n"
    depends += "linux-binary-7.3.4\nlinux-modules-7.3.4\nlinux-modules-7.30.1\n    linux-modules-7.3.4\n"
    packages = ["linux-image-7.3.4", "linux-binary-7.3.4", "linux-modules-7.3.4"]
    assert kernels._kernel_packages("7.3", depends) == packages
