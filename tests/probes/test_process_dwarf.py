"""Lines, labels, calls and variables of programs by DWARF, held against what the programs print themselves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.debuginfo.programs import COMPILERS, build, has, line_of

from .dwarf_programs import C_SOURCE, CXX_SOURCE, HERE
from .programs import Stap, lines, stap_in

IN_GUESTS = pytest.mark.guest(native=True)
"""The tests of the others compile sixteen programs or ask no kernel anything."""

KINDS = [(compiler, version, level) for compiler in COMPILERS for version in (4, 5) for level in (0, 2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return stap_in(tmp_path)


def programs(folder: Path, name: str, source: str, suffix: str) -> list[Path]:
    return [
        build(folder, name, source, f"-gdwarf-{version}", f"-O{level}", compiler=compiler, suffix=suffix)
        for compiler, version, level in KINDS
        if has(compiler)
    ]


def printed(program: Path, word: str) -> list[dict[str, str]]:
    """Run a program; returns the `name=value` pairs of the lines that begin with a word."""
    out = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in out.splitlines() if line.startswith(word)]


def run_all(stap: Stap, script: str, built: list[Path]) -> dict[str, list[str]]:
    """Run the script on all programs at once; returns the lines that begin with each program's name, without it."""
    outcome = stap("-e", script, "-c", " && ".join(f"{program} > /dev/null" for program in built))
    assert outcome.returncode == 0, outcome.stderr
    found: dict[str, list[str]] = {program.name: [] for program in built}
    for line in outcome.stdout.splitlines():
        name, _, rest = line.partition(" ")
        found[name].append(rest)
    return found


def test_a_line_with_all_its_variables(stap: Stap, folder: Path) -> None:
    """`process("a.out").statement("*@main.c:200")` { $$vars }, at every level of optimisation, by every compiler."""
    built = programs(folder, "main", C_SOURCE, ".c")
    script = "\n".join(
        f'probe process("{program}").statement("*@main.c:{HERE}") {{ println("{program.name} ", $$vars) }}'
        for program in built
    )
    out = run_all(stap, script, built)
    for program in built:
        expected = printed(program, "visit")
        assert len(out[program.name]) == len(expected) == 4
        for line, values in zip(out[program.name], expected, strict=True):
            shown = dict(re.findall(r"(\w+)=(\S+)", line))
            assert set(shown) == {"item", "depth", "flags", "text", "sum", "steps", "initial"}
            known = {name: int(text, 16) for name, text in shown.items() if text != "?"}
            # What is on the stack is there; an optimised program may have given up what it no longer needs.
            minimum = 7 if program.name.endswith("O0") else 3
            assert len(known) >= minimum, line
            for name in {"depth", "flags", "sum", "steps"} & set(known):
                assert known[name] == int(values[name]), (program.name, name, line)
            if "initial" in known:
                assert chr(known["initial"]) == values["initial"]


def test_members_arrays_and_text_at_a_function(stap: Stap, folder: Path) -> None:
    built = programs(folder, "main", C_SOURCE, ".c")
    values = (
        "$depth, $flags, user_string($text), $item->label$, $item->count, $item->small, $item->tiny, $item->level, "
        "$item->word->whole, $item->rows[1][2], user_string($item->inner->tag), $item->inner->id, "
        '$item->next ? $item->next->count : 0, @var("hidden@main.c"), $shared, @cast($item, "struct item")->count'
    )
    form = "%d %d %s %s %d %d %d %d %d %d %s %d %d %d %d %d"
    script = "\n".join(
        f'probe process("{program}").function("visit") {{ printf("{program.name} {form}\\n", {values}) }}'
        for program in built
    )
    out = run_all(stap, script, built)
    for program in built:
        shared, hidden = 11, -5
        shown = []
        for row in printed(program, "visit"):
            shown.append(
                f'{row["depth"]} {row["flags"]} {row["text"]} "{row["label"]}" {row["count"]} {row["small"]} '
                f"{row['tiny']} {row['level']} {row['whole']} {row['rows']} {row['tag']} {row['id']} {row['next']} "
                f"{hidden} {shared} {row['count']}"
            )
            shared, hidden = shared + int(row["steps"]), int(row["hidden"])
        assert out[program.name] == shown


def test_classes_references_and_templates(stap: Stap, folder: Path) -> None:
    built = programs(folder, "shapes", CXX_SOURCE, ".cc")
    area, move, largest = (line_of(f"// {word}", CXX_SOURCE) for word in ("AREA", "MOVE", "LARGEST"))
    script = "\n".join(
        f"""probe process("{program}").function("shapes::Box::area") {{
  println("{program.name} area ", $this->id, " ", $scale, " ", $this->width * $this->height, " ", $this->corner->x) }}
probe process("{program}").function("Box::move") {{
  println("{program.name} move ", $this->id, " ", $by->x, " ", $by->y, " ", $times, " ",
          @var("shapes::Shape::count")) }}
probe process("{program}").statement("largest*@shapes.cc:{largest}") {{
  println("{program.name} largest ", $n, " ", @defined($best) ? $best : -1) }}
probe process("{program}").statement("*@shapes.cc:{area}"), process("{program}").statement("*@shapes.cc:{move}") {{
  println("{program.name} line ", ppfunc()) }}"""
        for program in built
    )
    out = run_all(stap, script, built)
    for program in built:
        own = out[program.name]
        assert own[0] == "area 42 2 42 3"
        assert "move 42 10 -1 5 1" in own
        assert [line for line in own if line.startswith("line")] == ["line area", "line move"]
        found = [line.split()[1:] for line in own if line.startswith("largest")]
        assert [row[0] for row in found] == ["3", "2"]
        if program.name.endswith("O0"):
            assert [row[1] for row in found] == ["9", "-7"]


@IN_GUESTS
def test_returns_inlines_labels_and_calls(stap: Stap, tmp_path: Path) -> None:
    source = C_SOURCE
    for old, new in (
        ("  hidden -= sum;", "  if (sum == 123456789) goto out;\n  hidden -= sum;"),
        ("  shared += steps;", "out:\n  shared += steps;"),
        ("  return sum;", "  other(2);\n  return sum;"),
        ("long total = 0;", "long total = 0; other(1);"),
        ("static inline", "__attribute__((noinline)) void other(int k) { shared += k; }\nstatic inline"),
    ):
        source = source.replace(old, new)
    program = build(tmp_path, "calls", source, "-O2")
    script = f"""
    probe process("{program}").function("visit").return {{ println("return ", $return, " ", $$return) }}
    probe process("{program}").function("visit").callee("other") {{ println("callee ", $k) }}
    probe process("{program}").function("visit").label("out") {{ println("label ", ppfunc()) }}
    probe process("{program}").function("*").inline {{ println("inline ", ppfunc()) }}"""
    out = stap("-e", script, "-c", f"{program}").stdout.splitlines()
    sums = [row["sum"] for row in printed(program, "visit")]
    own = [line for line in out if line.split()[0] in ("return", "callee", "label", "inline")]
    for number, line in zip(sums, [line for line in own if line.startswith("return")], strict=True):
        assert line == f"return {number} return={int(number):#x}"
    assert own.count("callee 2") == 4
    assert own.count("label visit") == 4
    assert own.count("inline twice") == 4
    assert not [line for line in own if line == "callee 1"]


def test_listing_with_variables(stap: Stap, folder: Path) -> None:
    program = build(folder, "main", C_SOURCE, "-O0")
    source = f"{folder}/main.c"
    visit = line_of("long visit", C_SOURCE)
    out = stap("-L", f'process("{program}").function("visit")').stdout
    assert out == (
        f'process("{program}").function("visit@{source}:{visit}") $item:struct item* $depth:int '
        "$flags:unsigned char $text:char const* $sum:long int $steps:int $initial:char\n"
    )
    out = stap("-l", f'process("{program}").statement("*@main.c:{HERE}-{HERE + 9}")').stdout
    assert out.splitlines()[0] == f'process("{program}").statement("visit@{source}:{HERE}")'
    assert stap("-l", f'process("{program}").statement("visit@main.c+4")').stdout == (
        f'process("{program}").statement("visit@{source}:{visit + 4}")\n'
    )


def test_functions_that_span_lines(stap: Stap, folder: Path) -> None:
    """`*@file:x-y,z` means the functions that have one of these lines, +N lines behind their declarations."""
    program = build(folder, "main", C_SOURCE, "-O0")
    visit, main = line_of("long visit", C_SOURCE), line_of("int main(", C_SOURCE)
    for lines_, expected in (
        (f":{visit}", ["visit"]),
        (f":{visit + 3}", ["visit"]),
        (f":1-{visit - 1}", ["twice"]),
        (f":{visit + 3}-{main}", ["main", "visit"]),
        (f":1-3,{main + 2}", ["main"]),
        (f":{visit + 2},{main + 2}", ["main", "visit"]),
        ("+2", ["main", "visit"]),
        ("+9", ["main", "visit"]),
        ("+13-20", ["visit"]),
        ("+0-1", ["main", "twice", "visit"]),
    ):
        out = stap("-l", f'process("{program}").function("*@main.c{lines_}")').stdout
        assert re.findall(r'function\("(\w+)@', out) == expected, lines_
    assert stap("-l", f'process("{program}").function("*@main.c:1-3")').stdout == ""


def test_an_address_is_where_a_statement_begins(stap: Stap, folder: Path) -> None:
    program = build(folder, "main", C_SOURCE, "-O0")
    names = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout
    start = next(int(row.split()[0], 16) for row in names.splitlines() if row.endswith(" visit"))
    inside = f'process("{program}").statement({start + 1:#x})'
    outcome = stap("-p2", "-e", f"probe {inside} {{}}")
    expected = f"address {start + 1:#x} does not match the beginning of a statement (try {start:#x})"
    assert f"semantic error: {expected}: identifier" in outcome.stderr
    script = f'probe {inside}.nearest {{ printf("%#x %s %s\\n", uaddr(), ppfunc(), @defined($depth) ? "seen" : "") }}'
    out = lines(stap("-e", script, "-c", f"{program} > /dev/null"))
    assert len(out) == 4
    assert {line.split(" ", 1)[1] for line in out} == {"visit seen"}
    assert {int(line.split()[0], 16) & 0xFFF for line in out} == {start & 0xFFF}


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ('statement("visit@main.c:1")', "no line records for FOLDER/main.c:1 (try :{twice})"),
        ('statement("visit@other.c:12")', "no match for 'visit@other.c:12' in 'PROGRAM'"),
        ('statement("nothing@main.c:200")', "no match for 'nothing@main.c:200' in 'PROGRAM'"),
        ('statement("visit@main.c:x")', "malformed line number in 'visit@main.c:x'"),
        ("statement(5)", "address 0x5 is in no function of 'PROGRAM'"),
        ('function("visit").label("nowhere")', "no match for 'visit' in 'PROGRAM'"),
    ],
)
def test_places_that_are_not_there(stap: Stap, folder: Path, point: str, message: str) -> None:
    program = build(folder, "main", C_SOURCE, "-O0")
    outcome = stap("-p2", "-e", f'probe process("{program}").{point} {{}}')
    assert outcome.returncode == 1
    expected = message.replace("FOLDER", str(folder)).replace("PROGRAM", str(program))
    expected = expected.replace("{twice}", str(line_of("int twice", C_SOURCE)))
    assert f"semantic error: {expected}: identifier" in outcome.stderr


DEAD = r"""
int out;
__attribute__((noinline)) int use(int v) { out += v; return out; }
__attribute__((noinline)) int visit(int first, int *second)
{
  int dead = use(first);
  use(2);
  use(first); // HERE
  return *second;
}
int main(int argc, char **argv) { return visit(argc, &argc) != 1; }
"""


def test_variables_that_cannot_be_read(stap: Stap, folder: Path) -> None:
    program = build(folder, "dead", DEAD, "-O2")
    place = f'process("{program}").statement("visit@dead.c:{line_of("// HERE", DEAD)}")'
    outcome = stap("-p2", "-e", f"probe {place} {{ println($dead) }}")
    assert outcome.returncode == 1
    assert re.search(
        r"'\$dead' is not accessible at this place \(pc 0x[0-9a-f]+ in visit \S+dead\.c\): optimized out; "
        r"the program has \$first, \$second here: identifier '\$dead' at <input>:1:\d+", outcome.stderr
    ), outcome.stderr  # fmt: skip
    program = build(folder, "main", C_SOURCE, "-O2")
    outcome = stap("-p2", "-e", f'probe process("{program}").function("visit") {{ println($items) }}')
    assert "unable to find local 'items' (alternatives: $item $steps)" in outcome.stderr


THREADS = r"""
#include <stdio.h>
#include <pthread.h>
__thread long own = 1; __thread char padding[40];
int bump(int by);
__attribute__((noinline)) void here(int k) { own += k; padding[0] = 1; printf("here own=%ld bump=%d\n", own, bump(k)); }
void *run(void *p) { here(10); here(20); return p; }
int main() { here(1); pthread_t t; pthread_create(&t, 0, run, 0); pthread_join(t, 0); here(2); return 0; }
"""
LIBRARY = """
__thread int calls = 5; static __thread long sum = 100;
int bump(int by) { sum += by; calls++; return (int)sum; }
"""


@pytest.mark.parametrize("is_static", [pytest.param(False, marks=IN_GUESTS), True])
def test_variables_of_threads(stap: Stap, tmp_path: Path, is_static: bool) -> None:
    """Of a program by the thread pointer, of a library by its module in the thread's vector of blocks."""
    if is_static:
        (tmp_path / "bump.c").write_text(LIBRARY)
        options = ["-static", str(tmp_path / "bump.c")]
    else:
        options = [str(build(tmp_path, "libbump.so", LIBRARY, "-O1", "-shared", "-fPIC"))]
        options.insert(0, "-Wl,--no-as-needed")  # it stands before the source
    program = build(tmp_path, "threads", THREADS, "-O1", "-pthread", *options)
    library = program if is_static else Path(options[-1])
    script = f"""
    probe process("{program}").function("here") {{ println("here ", $k, " ", $own, " ", @var("own")) }}
    probe process("{library}").function("bump") {{ println("bump ", $by, " ", $sum, " ", $calls) }}"""
    assert lines(stap("-e", script, "-c", f"{program} > /dev/null")) == [
        "here 1 1 1", "bump 1 100 5", "here 10 1 1", "bump 10 100 5", "here 20 11 11", "bump 20 110 6", "here 2 2 2",
        "bump 2 101 6",
    ]  # fmt: skip


SPREAD = r"""
struct pair { int a; int b; };
struct two { long x; struct pair p; unsigned f:3; unsigned g:7; };
__attribute__((noinline)) int use(int v, long w) { __asm__ volatile("" ::: "memory"); return v + (int)w; }
__attribute__((noinline)) int work(struct pair p, struct two t, int k)
{
  struct pair q = { p.a + k, p.b * 2 };
  int r = use(q.a, t.x);
  r += use(q.b, t.p.b); // HERE
  return r + t.g;
}
int main(int argc, char **argv)
{
  struct two t = { 77, { argc + 5, 8 }, 3, 100 };
  return work((struct pair){ argc, 20 }, t, 6) != 232;
}
"""


def test_structs_in_registers(stap: Stap, tmp_path: Path) -> None:
    program = build(tmp_path, "spread", SPREAD, "-O2")
    here = line_of("// HERE", SPREAD)
    script = f"""
    probe process("{program}").function("work") {{
      println($p->a, " ", $p->b, " ", $t->x, " ", $t->p->b, " ", $t->g, " ", $k, " ", $p$) }}
    probe process("{program}").statement("work@spread.c:{here}") {{ println($q->b, " ", $q$, " ", $r) }}"""
    assert lines(stap("-e", script, "-c", str(program))) == [
        "1 20 77 8 100 6 {.a=1, .b=20}", "40 {.a=?, .b=40} 84",
    ]  # fmt: skip
    outcome = stap("-p2", "-e", f'probe process("{program}").statement("work@spread.c:{here}") {{ println(&$q) }}')
    assert "cannot take address of a variable that is not in memory" in outcome.stderr


RECURSION = r"""
#include <stdio.h>
struct box { int depth; const char *name; };
static long seen;
__attribute__((noinline)) long down(struct box *box, int depth, const char *text)
{
  struct box inner = { depth - 1, text };
  seen += depth;
  long below = depth > 0 ? down(&inner, depth - 1, text + 1) : 0;
  printf("down %d %ld %s %d seen %ld\n", depth, below + depth, text, box->depth, seen);
  return below + depth;
}
int main(void) { struct box box = { 4, "abcd" }; return down(&box, 4, "abcdef") != 10; }
"""


@pytest.mark.parametrize("level", ["-O0", pytest.param("-O2", marks=IN_GUESTS)])
def test_parameters_at_the_return_are_those_of_the_entry(stap: Stap, tmp_path: Path, level: str) -> None:
    """Nested calls keep theirs apart; what lies in memory outside the call is what it is now."""
    program = build(tmp_path, "recursion", RECURSION, level)
    script = f"""probe process("{program}").function("down").return {{
      printf("down %d %d %s %d seen %d\\n", $depth, $return, user_string($text), @entry($box->depth), $seen) }}
    probe process("{program}").function("down").return {{
      if ($$parms != sprintf("box=%#x depth=%#x text=%#x", $box, $depth, $text)) println("wrong: ", $$parms) }}"""
    expected = subprocess.run([program], capture_output=True, text=True).stdout.splitlines()
    assert len(expected) == 5
    assert lines(stap("-e", script, "-c", f"{program} > /dev/null")) == expected


def test_functions_that_only_symbols_name_have_their_variables(stap: Stap, tmp_path: Path) -> None:
    source = r"""
__attribute__((noinline)) long inner_name(long value, int other) { __asm__ volatile(""); return value + other; }
long outer_name(long value, int other) __attribute__((alias("inner_name")));
int main(void) { return outer_name(5, 6) != 11; }
"""
    program = build(tmp_path, "alias", source, "-O1")
    script = f"""
    probe process("{program}").function("outer_name") {{ println(ppfunc(), " ", $$vars, " ", $other) }}
    probe process("{program}").function("outer_name").return {{ println(ppfunc(), " ", $return, " ", $value) }}"""
    assert lines(stap("-e", script, "-c", str(program))) == ["outer_name value=0x5 other=0x6 6", "outer_name 11 5"]


def test_an_address_in_a_process_and_lines_of_a_library(stap: Stap, tmp_path: Path) -> None:
    code = "int bump(int by)\n{\n  by += 2;\n  return by;\n}\n"
    library = build(tmp_path, "libbump.so", code, "-O0", "-shared", "-fPIC")
    source = r"""
#include <stdio.h>
int bump(int by);
int main(void) { printf("%p\n", bump); fflush(stdout); while (getchar() == '\n') bump(40); return 0; }
"""
    program = build(tmp_path, "user", source, "-O0", "-Wl,--no-as-needed", str(library))
    script = f"""probe process("{program}").library("{library}").statement("*@libbump.so.c:4") {{ println($by) }}"""
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = int(process.stdout.readline(), 16)
        script += f"""
        probe process({process.pid}).statement({address:#x}).absolute {{ println(pp()) }}
        probe timer.ms(300) {{ system("echo > /proc/{process.pid}/fd/0") }}
        probe timer.s(20) {{ exit() }}
        probe process("{program}").library("{library}").statement("*@libbump.so.c:5") {{ exit() }}"""
        assert lines(stap("-e", script))[:2] == [f'process("{library}").statement({address:#x}).absolute', "42"]
        wrong = stap("-p2", "-e", f"probe process({process.pid}).statement(16).absolute {{}}")
        assert f"process {process.pid} has no code of a file at 0x10: identifier 'statement'" in wrong.stderr
    finally:
        process.stdin.close()
        process.wait()
