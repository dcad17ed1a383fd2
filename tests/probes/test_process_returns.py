"""What functions return and take, by the calling convention: structs in registers, in memory, by reference."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import run_stap
from tests.debuginfo.programs import COMPILERS, build, has, line_of

from .programs import Stap, lines, stap_in

RETURNS = r"""
struct small { int a; short b; char c; long d; };
struct mixed { double v; int n; };
struct flat { int a[3]; unsigned f : 5; };
struct large { long x[5]; const char *name; };
struct __attribute__((packed)) odd { char c; long d; };
typedef enum { RED, GREEN = 5 } color_t;
int used;
#define KEEP __attribute__((noinline))
KEEP struct small small(int k) { used++; return (struct small){ k, k + 1, 'q', k * -100L }; }
KEEP struct mixed mixed(int k) { used++; return (struct mixed){ k / 2.0, k }; }
KEEP struct flat flat(int k) { used++; return (struct flat){ { k, -k, k + 2 }, 21 }; }
KEEP struct large large(int k) { used++; return (struct large){ { k, k + 1, k + 2 }, "large" }; }
KEEP struct odd odd(int k) { used++; return (struct odd){ 'o', k + 7L }; }
KEEP color_t color(int k) { used++; return k == 3 ? GREEN : RED; }
KEEP double half(int k) { used++; return k / 2.0; }
KEEP long taken(struct small s, int k, struct large l, struct mixed m, long last)
{
  used += k;
  return s.a + k + l.x[1] + m.n + last;
}
int main(void)
{
  struct small s = small(3);
  struct large l = large(3);
  struct mixed m = mixed(3);
  struct flat f = flat(3);
  return taken(s, 4, l, m, 99) + f.a[0] + odd(3).c + color(3) + (int)half(3) == 0;
}
"""

BY_REFERENCE = r"""
struct Plain { int id; int other; };
struct Owner { int id; Owner(int i) : id(i) {} ~Owner() { id = 0; } };
struct Base { virtual int area() { return 1; } int tag; };
int used;
__attribute__((noinline)) Plain plain(int k) { used++; return {k, 2 * k}; }
__attribute__((noinline)) Owner owner(int k) { used++; return Owner(k + 10); }
__attribute__((noinline)) Base based(int k) { used++; Base b; b.tag = k + 20; return b; }
int main() { return plain(3).id + owner(3).id + based(3).tag == 0; }
"""


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


@pytest.mark.parametrize("compiler", [compiler for compiler in COMPILERS if has(compiler)])
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_returned_values(stap: Stap, tmp_path: Path, compiler: str, level: str) -> None:
    program = build(tmp_path, "returns", RETURNS, level, compiler=compiler)
    shown = {
        "small": '$return$, " ", $return->b, " ", $$return',
        "mixed": '$return$, " ", $return->n',
        "flat": "$return$$",
        "large": '$return$$, " ", user_string($return->name)',
        "odd": "$return->d",
        "color": '$return == @enum("GREEN"), " ", $$return',
    }
    script = "\n".join(
        f'probe process("{program}").function("{name}").return {{ println("{name} ", {values}) }}'
        for name, values in shown.items()
    )
    assert sorted(lines(stap("-e", script, "-c", str(program)))) == [
        "color 1 return=0x5",
        "flat {.a=[3, -3, 5], .f=21}",
        'large {.x=[3, 4, 5, 0, 0], .name="large"} large',
        "mixed {.v=?, .n=3} 3",
        "odd 10",
        "small {.a=3, .b=4, .c='q', .d=-300} 4 return={...}",
    ]
    refused = stap("-p2", "-e", f'probe process("{program}").function("half").return {{ println($return) }}')
    assert (
        "'$return' of type 'double' cannot be read: it is in a floating-point register, which eBPF programs cannot "
        "read: identifier '$return' at <input>:1:" in refused.stderr
    )


def test_parameters_by_convention_at_the_entry(stap: Stap, tmp_path: Path) -> None:
    """A return probe has them saved at the first instruction, where code without optimisation has them nowhere else."""
    program = build(tmp_path, "returns", RETURNS, "-O0")
    script = f"""probe process("{program}").function("taken").return {{
      println($s->d, " ", $k, " ", $l->x[2], " ", $m->n, " ", $last, " ", $return) }}"""
    assert lines(stap("-e", script, "-c", str(program))) == ["-300 4 5 3 99 113"]


@pytest.mark.parametrize("version", [4, 5])
def test_classes_that_are_copied_by_their_own_code(stap: Stap, tmp_path: Path, version: int) -> None:
    program = build(tmp_path, "classes", BY_REFERENCE, "-O1", f"-gdwarf-{version}", suffix=".cc")
    script = f"""
    probe process("{program}").function("plain").return {{ println("plain ", $return->id, " ", $return->other) }}
    probe process("{program}").function("owner").return {{ println("owner ", $return->id) }}
    probe process("{program}").function("based").return {{ println("based ", $return->tag) }}"""
    assert sorted(lines(stap("-e", script, "-c", str(program)))) == ["based 23", "owner 13", "plain 3 6"]


ERRNO = r"""
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) int try(const char *name)
{
  int fd = open(name, O_RDONLY);
  if (fd >= 0) close(fd);
  return fd;
}
void *other(void *p) { errno = 33; try("/"); return p; }
int main(void)
{
  errno = 0;
  try("/");
  try("/nowhere");
  pthread_t thread;
  pthread_create(&thread, 0, other, 0);
  pthread_join(thread, 0);
  try("/etc/passwd/x");
  return 0;
}
"""


@pytest.mark.parametrize("options", [(), ("-static",), ("-no-pie",)], ids=["dynamic", "static", "no-pie"])
def test_errno(stap: Stap, tmp_path: Path, options: tuple[str, ...]) -> None:
    """ENOENT is 2, ENOTDIR 20; each thread has its own. The dynamic linker's calls come before there is one."""
    program = build(tmp_path, "errors", ERRNO, "-O1", "-pthread", *options)
    script = f"""
    probe process("{program}").function("try").return {{ println($return < 0, " ", @errno) }}
    probe process("{program}").syscall {{ if ($syscall == 3) seen[@errno]++ }}
    global seen  probe end {{ println(33 in seen, " ", 0 in seen) }}"""
    assert lines(stap("-e", script, "-c", str(program))) == ["0 0", "1 2", "0 33", "1 20", "1 1"]
    outcome = stap("-p2", "-e", "probe begin { println(@errno) }")
    assert "@errno is that of a process: only process probes have it: operator '@errno'" in outcome.stderr


MUSL = r"""
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
__attribute__((noinline)) void step(int want) { __asm__ volatile("" : : "r"(want) : "memory"); }
int main(void)
{
  errno = 0;
  step(0);
  open("/does/not/exist", O_RDONLY);
  step(errno);
  close(-1);
  step(errno);
  return 0;
}
"""


@pytest.mark.skipif(not has("musl-gcc"), reason="no musl")
@pytest.mark.parametrize("options", [(), ("-static",)], ids=["dynamic", "static"])
def test_errno_of_musl(stap: Stap, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "main.c").write_text(MUSL)
    subprocess.run(["musl-gcc", "-g", *options, "-o", "main", "main.c"], cwd=tmp_path, check=True)
    script = f'probe process("{tmp_path}/main").function("step") {{ println(@errno, " ", $want) }}'
    assert lines(stap("-e", script, "-c", f"{tmp_path}/main")) == ["0 0", "2 2", "9 9"]


def test_a_program_of_this_folder(tmp_path: Path) -> None:
    """`process("a.out")` where no folder of PATH has one."""
    (tmp_path / "main.c").write_text(RETURNS)
    subprocess.run(["gcc", "-g", "main.c"], cwd=tmp_path, check=True)
    line = line_of("  used += k", RETURNS)
    script = f'probe process("a.out").statement("*@main.c:{line}") {{ println($k, " ", $last) }}'
    assert lines(run_stap("-e", script, "-c", "./a.out", folder=tmp_path, cwd=tmp_path)) == ["4 99"]


@pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd")
def test_debuginfo_compressed_with_zstd(stap: Stap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build(tmp_path, "returns", RETURNS, "-O0")
    packed = tmp_path / "packed"
    done = subprocess.run(["objcopy", "--compress-debug-sections=zstd", program, packed], capture_output=True)
    if done.returncode:
        pytest.skip("binutils without zstd")
    out = stap("-L", f'process("{packed}").function("color")').stdout
    assert re.search(r'color@\S+:\d+"\) \$k:int\n$', out), out
    if sys.version_info < (3, 14):  # which needs no command
        monkeypatch.setenv("PATH", "/nowhere")
        hidden = stap("-p2", "-e", f'probe process("{packed}").function("color") {{ println($k) }}')
        assert "is compressed with zstd: install the zstd command: identifier '$k' at <input>:1:" in hidden.stderr


PARTS = {
    "one.c": """
struct part { int number; struct part *next; };
int shared_count = 4;
static int hidden = 7;
extern int second(struct part *part, int times);
int main(void)
{
  struct part last = { 30, 0 }, first = { 12, &last };
  hidden += second(&first, 3);
  return hidden == 0;
}
""",
    "two.c": """
enum kind { SMALL = 3, LARGE = 900 };
struct part { int number; struct part *next; };
extern int shared_count;
static long hidden = -5;
extern double third(int);
static inline __attribute__((always_inline)) int twice(int value)
{
  int both = 2 * value;
  __asm__ volatile("" : "+r"(both));
  return both;
}
int second(struct part *part, int times)
{
  int total = 0;
  for (; part; part = part->next)
    total += twice(part->number) * times; // HERE
  hidden += total + shared_count;
  return total + (third(times) > 2.0) + (hidden == LARGE);
}
""",
    "three.c": "double third(int value) { double result = value / 2.0; return result; }",
}


SPLIT = [
    *((compiler, version, level, "") for compiler in COMPILERS for version in (4, 5) for level in ("-O0", "-O2")),
    ("gcc", 4, "-O2", "dwp"), ("gcc", 5, "-O2", "llvm-dwp"), ("clang", 4, "-O2", "llvm-dwp"),
    ("clang", 5, "-O0", "llvm-dwp"),
]  # fmt: skip


@pytest.mark.parametrize(("compiler", "version", "level", "packer"), SPLIT)
def test_debuginfo_that_was_split_off(
    stap: Stap, tmp_path: Path, compiler: str, version: int, level: str, packer: str
) -> None:
    """-gsplit-dwarf: addresses and lines stay in the program, the rest is in .dwo files, or joined in parts.dwp."""
    if not has(compiler) or (packer and not has(packer)):
        pytest.skip(f"no {compiler} or no {packer}")
    for name, text in PARTS.items():
        (tmp_path / name).write_text(text)
        command = [compiler, f"-gdwarf-{version}", "-gsplit-dwarf", level, "-c", name]
        subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run([compiler, "-o", "parts", "one.o", "two.o", "three.o"], cwd=tmp_path, check=True)
    program = tmp_path / "parts"
    if packer:
        subprocess.run([packer, "-e", "parts", "-o", "parts.dwp"], cwd=tmp_path, check=True)
        for path in tmp_path.glob("*.dwo"):
            path.unlink()
    line = line_of("// HERE", PARTS["two.c"])
    script = f"""
    probe process("{program}").function("second").call {{
      println($times, " ", $part->next->number, " ", @var("hidden@two.c"), " ", @var("hidden@one.c"), " ",
              @var("shared_count@one.c"), " ", @enum("LARGE"), " ", $part$) }}
    probe process("{program}").statement("second@two.c:{line}") {{ println("line ", ppfunc()) }}
    probe process("{program}").function("twice").inline {{ println("inline ", $value) }}
    probe process("{program}").function("second").return {{ println($return, " ", @entry($times)) }}"""
    out = lines(stap("-e", script, "-c", str(program)))
    assert re.fullmatch(r"3 30 -5 7 4 900 \{.number=12, .next=0x[0-9a-f]+\}", out[0])
    assert sorted(out[1:-1]) == ["inline 12", "inline 30", "line second", "line second"]
    assert out[-1] == "252 3"
    if packer:
        return
    (tmp_path / "two.dwo").unlink()
    assert "$value:int" in stap("-L", f'process("{program}").function("third")').stdout
    for path in tmp_path.glob("*.dwo"):
        path.unlink()
    assert stap("-l", f'process("{program}").function("second")').stdout  # symbols are there
    for body in (f'process("{program}").function("second") {{ println($times) }}',
                 f'process("{program}").statement("second@two.c:*") {{ }}'):  # fmt: skip
        outcome = stap("-p2", "-e", f"probe {body}")
        assert outcome.returncode == 1
        assert f"of '{program}' is in other files (-gsplit-dwarf), of which 'one.dwo' is not there" in outcome.stderr
