"""What the tapset's files in the language itself do."""

from __future__ import annotations

import re
from pathlib import Path

from ..command import run_stap


def test_sizes_and_containers(tmp_path: Path) -> None:
    script = """probe oneshot {
        println(@cast_sizeof("struct list_head"))
        println(@cast_module_sizeof("kernel", "struct list_head"))
        member = & @cast(1000000, "struct task_struct")->tasks
        println(member > 1000000)
        println(& @container_of(member, "struct task_struct", tasks))
        println(& @module_container_of(member, "kernel", "struct task_struct", tasks))
        println(& @cast(4096, "struct task_struct"))
        println(@cast_sizeof("int"))
    }"""
    result = run_stap("-e", script, folder=tmp_path)
    assert (result.stderr, result.stdout.split()) == ("", ["16", "16", "1", "1000000", "1000000", "4096", "4"])


def test_a_container_without_that_member(tmp_path: Path) -> None:
    result = run_stap("-e", 'probe oneshot { println(& @container_of(1, "struct list_head", x)) }', folder=tmp_path)
    assert result.returncode == 1
    assert re.search(r"semantic error: .*'x'", result.stderr)


def test_oneshot_runs_once_and_ends(tmp_path: Path) -> None:
    result = run_stap("-e", 'probe oneshot { println("once") } probe end { println("end") }', folder=tmp_path)
    assert (result.returncode, result.stdout) == (0, "once\nend\n")
