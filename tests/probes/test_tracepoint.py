"""`kernel.trace` on this kernel, against programs that the tests start."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ..command import run_stap

Stap = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stap(tmp_path: Path) -> Stap:
    return lambda *arguments: run_stap(*arguments, folder=tmp_path)


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def script(body: str, point: str = "sched_process_exec") -> str:
    return f'probe kernel.trace("{point}") {{ if (pid() == target()) {{ {body} }} }}'


def test_arguments_and_members(stap: Stap) -> None:
    body = r"""printf("%s %d %s %d\n", kernel_string($bprm->filename), $bprm->argc,
        kernel_string($bprm->file->f_path->dentry->d_name->name), $p->tgid == pid())"""
    assert lines(stap("-e", script(body), "-c", "/bin/true a b")) == ["/bin/true 3 true 1"]


def test_members_by_their_old_names(stap: Stap) -> None:
    body = "println(kernel_string($bprm->file->f_path->dentry->d_iname), $p->state)"
    assert lines(stap("-e", script(body), "-c", "/bin/true")) == ["true0"]


def test_typed_pointers_in_variables_and_from_functions(stap: Stap) -> None:
    body = r"""t = task_current(); q = $p
        printf("%d %d %d %d\n", t->tgid == pid(), q->pid == tid(), task_parent(t)->tgid == ppid(), task_pid(t) == pid())
        printf("%d %s %s\n", @cast(t, "task_struct")->tgid == pid(), task_execname(t), kernel_string(t->comm))"""
    assert lines(stap("-e", script(body), "-c", "/bin/true")) == ["1 1 1 1", "1 true true"]


def test_arrays_addresses_and_bit_fields(stap: Stap) -> None:
    body = r"""i = 2; t = $p
        printf("%c%c%c\n", t->comm[0], t->comm[i], t->comm[i - 1])
        printf("%d %d\n", &t->tgid - &t->pid, kernel_int(&t->tgid) == t->tgid)
        printf("%d %d\n", t->in_execve, $bprm->secureexec)"""
    assert lines(stap("-e", script(body), "-c", "/bin/true")) == ["tur", "4 1", "1 0"]


def test_groups_and_pretty_printing(stap: Stap) -> None:
    body = r"""println($$parms); println($$vars == $$parms, $$locals, $$return)
        println($p->cred->uid$); printf("%s %s\n", $$name, pp())"""
    first, second, third, fourth = lines(stap("-e", script(body), "-c", "/bin/true"))
    assert re.fullmatch("p=0xffff[0-9a-f]+ old_pid=0x[0-9a-f]+ bprm=0xffff[0-9a-f]+", first)
    assert (second, third) == ("1", "{.val=0}")
    assert fourth.startswith("sched_process_exec kernel.trace(")


def test_structs_and_text_in_pretty_printing(stap: Stap) -> None:
    """Groups open structs, `$$` those inside; text is quoted, and an address where none can be read."""
    body = r"""println($$parms$); println($$parms$$); println($bprm->interp$, $p->comm$, $p->cred->cap_effective$)
        println($p->seccomp$); println($p->seccomp$$); println($bprm->file->f_path->dentry->d_name$)"""
    done = stap("-e", script(body), "-c", "/bin/true")
    once, deep, text, seccomp, inner, name = lines(done)
    assert re.match(r"p=\{\.thread_info=\{\.\.\.\}, \.__state=0, ", once)
    assert re.match(r"p=\{\.thread_info=\{\.flags=\d+, .*?\.cpu=\d\}, \.__state=0, ", deep)
    assert re.fullmatch(r'"/bin/true""true"\{\.val=\d+\}', text)
    assert seccomp == "{.mode=0, .filter_count={...}, .filter=0x0}"
    assert inner == "{.mode=0, .filter_count={.counter=0}, .filter=0x0}"
    assert re.fullmatch(r'\{\.hash=\d+, \.len=4, \.hash_len=\d+, \.name="true"\}', name)


def test_constants(stap: Stap) -> None:
    body = """println(@const("S_IFMT | BPF_MAP_TYPE_RINGBUF"))
        println(@cast($p, "struct task_struct", "kernel<linux/sched.h>")->tgid == pid())"""
    assert lines(stap("-g", "-e", script(body), "-c", "/bin/true")) == [str(0o170000 | 27), "1"]


def test_defined_and_enum(stap: Stap) -> None:
    body = """println(@defined($bprm->argc), @defined($bprm->nothing), @defined($nothing), @enum("PIDTYPE_SID"))
        println(@choose_defined($bprm->nothing, 5))"""
    assert lines(stap("-e", script(body), "-c", "/bin/true")) == ["1003", "5"]


def test_wildcard_with_one_program(stap: Stap) -> None:
    text = """global n probe kernel.trace("sched_process_*") { if (pid() == target()) n[$$name]++ }
        probe end { foreach (name+ in n) println(name, " ", n[name]) }"""
    found = lines(stap("-e", text, "-c", "/bin/true"))
    assert {"sched_process_exec 1", "sched_process_exit 1"} <= set(found)


def test_wildcard_with_variables(stap: Stap) -> None:
    text = """probe kernel.trace("sched_process_*") {
        if (pid() == target() && @defined($bprm)) println("exec ", $bprm->argc)
        else if (pid() == target() && @defined($p)) println(ppfunc() . "p ", $p->tgid == pid()) }"""
    assert {"exec 1", "p 1"} <= set(lines(stap("-e", text, "-c", "/bin/true")))


def test_fork(stap: Stap) -> None:
    body = r"""println($parent->tgid == target(), $child->real_parent == $parent, $child->tgid > 0)"""
    assert "111" in lines(stap("-e", script(body, "sched_process_fork"), "-c", "sh -c 'true & wait'"))


def test_system_call_entry(stap: Stap) -> None:
    text = r"""global n probe kernel.trace("sys_enter") { if (pid() == target() && $id == 39) n++ }
        probe end { println(n) }"""
    counts = [
        int(lines(stap("-e", text, "-c", f"python3 -c 'import os; [os.getpid() for i in range({calls})]'"))[0])
        for calls in (0, 70)
    ]
    assert counts[1] - counts[0] == 70


def test_context_switches_name_both_tasks(stap: Stap) -> None:
    text = r"""probe kernel.trace("sched_switch") { if ($prev->tgid == target()) {
        println(kernel_string($prev->comm) == execname(), $next->pid != $prev->pid, $preempt <= 1) } }"""
    assert lines(stap("-e", text, "-c", "sleep 0.05"))[0] == "111"


def test_bad_address_is_an_error_at_its_place(stap: Stap) -> None:
    caught = script('try { println(@cast(16, "file")->f_flags) } catch (m) { println(m) }')
    (message,) = lines(stap("-e", caught, "-c", "/bin/true"))
    assert message.startswith("read fault [man error::fault] at 0x00000000000000")
    done = stap("-e", script("println(kernel_long(8))"), "-c", "/bin/true")
    assert done.returncode == 1
    assert "ERROR: read fault [man error::fault] at 0x0000000000000008 (addr) near" in done.stderr
    assert "<input>:1:" in done.stderr
    done = stap("-e", script("println(kernel_string(8))"), "-c", "/bin/true")
    assert "ERROR: kernel string copy fault at 0x0000000000000008" in done.stderr


def test_other_values_for_bad_addresses(stap: Stap) -> None:
    body = """println(kernel_string(8, "none"), kernel_string2(9, "x"), user_int(8), user_string_quoted(8),
        kernel_string_n($bprm->filename, 4), user_string_nofault(3))"""
    assert lines(stap("-e", script(body), "-c", "/bin/true")) == ["nonex00x8/bin"]


def test_reads_of_a_deferred_rest_are_made_at_the_hit(stap: Stap) -> None:
    body = r"""a[$bprm->argc]++
        foreach (k in a-) println(k)
        printf("%s %d\n", kernel_string($bprm->filename), $bprm->argc)
        if (0 < $bprm->argc - 1) println(@cast(8, "file")->f_flags)
        try { println(@cast(8 + ($bprm->argc - 1), "file")->f_flags) } catch (m) { println(substr(m, 0, 10)) }"""
    found = lines(stap("-e", "global a\n" + script(body), "-c", "/bin/true"))
    assert found == ["1", "/bin/true 1", "read fault"]


SAVED_REGISTERS = """global lasts%s
probe kernel.trace("sys_enter") { if (pid() == target() && $id == 39 && calls++ < 200) {
  kept = $regs
  println(tokenize("ab", "b"))
  last = kept
  %s } }
global calls, right, wrong
probe end { println(right, " ", wrong) }"""
CALLS = f"{sys.executable} -I -S -c 'import os; [(os.getpid(), os.getuid()) for i in range(200)]'"


def test_reads_by_locals_of_a_deferred_rest_are_made_at_the_hit(stap: Stap) -> None:
    """Where the registers of a system call lay, those of the next one lie when user space handles the event."""
    body = '@cast(last, "pt_regs", "kernel")->orig_ax == 39 ? right++ : wrong++'
    done = stap("-e", SAVED_REGISTERS % ("", body), "-c", CALLS)
    assert (done.stdout, done.stderr) == ("a\n" * 200 + "200 0\n", "")


def test_a_read_after_the_hit_is_warned_of(stap: Stap) -> None:
    body = """lasts[calls] = last
  foreach (i in lasts- limit 1) @cast(lasts[i], "pt_regs", "kernel")->orig_ax == 39 ? right++ : wrong++"""
    done = stap("-e", SAVED_REGISTERS % ("[500]", body), "-c", CALLS)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(
        "WARNING: memory is read after the hit, when it may be another's: user space runs the handler from "
        "<input>:2:35 on: probe 'kernel.trace(\"sys_enter\")', a read at <input>:7:"
    )
    assert done.stderr.count("WARNING") == 1


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("$bprm->argx", "unable to find member 'argx' for struct linux_binprm (alternatives: argc"),
        ("$bpr->argc", "unable to find local 'bpr' (alternatives: $bprm"),
        ("$bprm->argc->x", "invalid access '->x' vs 'int'"),
        ('@cast(1, "nosuch")->x', "type definition 'nosuch' not found in 'kernel'"),
        ('@enum("NOSUCH")', "unable to find enumerator 'NOSUCH'"),
        ("x->y", "unknown type in autocast"),
        ("$bprm->argc = 1", "write to target variable not permitted; need stap -g"),
    ],
)
def test_errors(stap: Stap, expression: str, message: str) -> None:
    done = stap("-e", script(f"println({expression})"))
    assert done.returncode == 1
    assert "semantic error: " + message in done.stderr


def test_writing_is_refused_in_guru_mode_too(stap: Stap) -> None:
    done = stap("-g", "-e", script('$p->tgid = 3; @cast($p, "task_struct")->pid++'))
    assert done.returncode == 1
    assert done.stderr.count("eBPF programs cannot write kernel memory, nor registers") == 2


def test_unknown_tracepoint(stap: Stap) -> None:
    done = stap("-e", 'probe kernel.trace("sched_process_exe") {}')
    assert done.returncode == 1
    assert "unable to find tracepoint 'sched_process_exe' (similar: sched_process_exec" in done.stderr
    done = stap("-e", 'probe kernel.trace("nosuch_thing")?, timer.ms(1) { exit() }')
    assert (done.returncode, done.stderr) == (0, "")


def test_listing(stap: Stap) -> None:
    (line,) = lines(stap("-L", 'kernel.trace("sched_switch")'))
    name, *variables = line.split(" $")
    assert name in ('kernel.trace("sched_switch")', 'kernel.trace("sched:sched_switch")')
    assert variables[:3] == ["preempt:bool", "prev:struct task_struct*", "next:struct task_struct*"]
    names = lines(stap("-l", 'kernel.trace("sched_process_*")'))
    assert len(names) > 4
    assert not any("$" in name for name in names)


def test_listing_of_everything(stap: Stap) -> None:
    """A second is usual; one that reads all names again for each takes a minute."""
    start = time.monotonic()
    found = lines(stap("-L", 'kernel.trace("*")'))
    assert time.monotonic() - start < 10
    assert len(found) > 500
    assert sum("$" in line for line in found) > 400
