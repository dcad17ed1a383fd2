"""What command lines of `stap` mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pystap.options import Options, UsageError, parse_stap


def changed(*words: str, **environ: str) -> dict[str, object]:
    """Return the options that differ from their defaults."""
    options, default = parse_stap(words, environ), Options()
    return {
        name: getattr(options, name) for name in Options.__slots__ if getattr(options, name) != getattr(default, name)
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a.stp", {"script_file": "a.stp"}),
        ("- 1 2", {"script_file": "-", "arguments": ("1", "2")}),
        ("-e probe x", {"script_text": "probe", "arguments": ("x",)}),
        ("a.stp -v x -vv", {"script_file": "a.stp", "arguments": ("x",), "verbose": (3, 3, 3, 3, 3)}),
        ("a.stp -- -v x", {"script_file": "a.stp", "arguments": ("-v", "x")}),
        ("-gvp2 a", {"script_file": "a", "guru": True, "verbose": (1, 1, 1, 1, 1), "last_pass": 2}),
        ("--vp 002 -v a", {"script_file": "a", "verbose": (1, 1, 3, 1, 1)}),
        ("-x12 a", {"script_file": "a", "pid": 12}),
        ("-DMAXACTION=5 -D MAXERRORS=2 a",
         {"script_file": "a", "definitions": (("MAXACTION", "5"), ("MAXERRORS", "2")),
          "limits": (("max_action", 5), ("max_errors", 2))}),
        ("-G x=1 -Gy=a=b a", {"script_file": "a", "globals": (("x", "1"), ("y", "a=b"))}),
        ("-o out -S 10,3 a", {"script_file": "a", "output": "out", "output_size_mb": 10, "output_files": 3}),
        ("-I one -I two a", {"script_file": "a", "tapset_folders": ("one", "two")}),
        ("-E extra a", {"script_file": "a", "extra_scripts": ("extra",)}),
        ("-l syscall.*", {"action": "list", "listing": "syscall.*"}),
        ("--suppress-h a", {"script_file": "a", "suppress_handler_errors": True}),
        ("--color a", {"script_file": "a", "color": "always"}),
        ("--colour=never a", {"script_file": "a", "color": "never"}),
        ("--unprivileged a", {"script_file": "a", "privilege": "stapusr"}),
        ("--runtime=bpf -P -d kernel --ldd --all-modules -R /x -B y=z a", {"script_file": "a"}),
        ("-DINTERRUPTIBLE=0 a", {"script_file": "a", "definitions": (("INTERRUPTIBLE", "0"),)}),
        ("-h", {"action": "help"}),
        ("-V nonsense", {"action": "version"}),
        ("--rlimit-as=1000000 a", {"script_file": "a", "resource_limits": (("as", 1000000),)}),
    ],
)  # fmt: skip
def test_meaning(words: str, expected: dict[str, object]) -> None:
    assert changed(*words.split()) == expected


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("", "A script must be specified.", True),
        ("--nonsense", "stap: unrecognized option '--nonsense'", True),
        ("-Z", "stap: invalid option -- 'Z'", True),
        ("-e", "stap: option requires an argument -- 'e'", True),
        ("--compatible", "stap: option '--compatible' requires an argument", True),
        ("--disable-cache=1", "stap: option '--disable-cache' doesn't allow an argument", True),
        ("--dump-probe",
         "stap: option '--dump-probe' is ambiguous; possibilities: '--dump-probe-types' '--dump-probe-aliases'", True),
        ("-p6 a", "Invalid pass number (should be 1-5).", False),
        ("-T 0 a", "Invalid timeout interval.", False),
        ("-s 4096 a", "Invalid buffer size (should be 1-4095).", False),
        ("-x -1 a", "Invalid target process ID number.", False),
        ("--vp 1234567 a", "Invalid --vp argument: it takes 1 to 5 digits.", False),
        ("-c ls -x 1 a", "You can't specify -c and -x together.", True),
        ("--color=foo a", "Invalid argument 'foo' for --color.", False),
        ("--compatible 99.1 a", "ERROR: systemtap version 5.6 cannot be compatible with future version 99.1", False),
        ("--runtime=foo a", "ERROR: foo is an invalid argument for --runtime", False),
        ("-G foo a", "ERROR: Safety pattern mismatch for -G parameter ('foo' vs. '^[a-z_][a-z0-9_]*=.*$')", False),
        ("-DMAXSTRINGLEN=1 a", "Invalid value for -DMAXSTRINGLEN: '1' (should be 8-65536).", False),
        ("--suppress-time-limits a", "--suppress-time-limits requires guru mode (-g).", True),
        ("-b a", "-b is not available: per-CPU output files are not made: all output comes in one stream, in order.",
         False),
        ("--monitor=3 a", "--monitor is not available: there is no monitor mode.", False),
    ],
)  # fmt: skip
def test_mistakes(words: str, message: str, hint: bool) -> None:
    with pytest.raises(UsageError) as caught:
        parse_stap(words.split(), {})
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_the_running_kernel_is_accepted_and_another_refused() -> None:
    release = os.uname().release
    assert changed("-r", release, "a") == {"script_file": "a"}
    with pytest.raises(UsageError, match=r"^-r 2\.6\.18 is not available"):
        parse_stap(["-r", "2.6.18", "a"], {})
    with pytest.raises(UsageError, match=r"^-r 2\.6\.18 is not available"):
        parse_stap(["a"], {"SYSTEMTAP_RELEASE": "2.6.18"})


def test_unknown_limits_are_warned_about() -> None:
    assert changed("-DMAXERROR=1", "a")["warnings"] == (
        "-DMAXERROR has no effect: no limit of that name (similar: MAXERRORS)",
    )


def test_the_options_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "rc").write_text("-v  # more\n-G 'x=a b' -T 5\n")
    assert changed("-v", "-T", "7", "a", SYSTEMTAP_DIR=str(tmp_path)) == {
        "script_file": "a", "verbose": (2, 2, 2, 2, 2), "globals": (("x", "a b"),), "timeout": 7,
    }  # fmt: skip
    (tmp_path / "rc").write_text("-G 'x=")
    with pytest.raises(UsageError, match="No closing quotation"):
        parse_stap(["a"], {"SYSTEMTAP_DIR": str(tmp_path)})
