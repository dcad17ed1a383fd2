"""Makes a script that shows a difference smaller: whole lines first, then parts of expressions.

    python -m tests.meaning.shrink SCRIPT.stp [--late] [--width 128]

Hypothesis shrinks what it draws itself; this is for scripts from a seed, whose decisions are not kept.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from pystap.records import replace

from .both import LIMITS, Difference, compare

_GLOBAL = re.compile(r"^global (\w+)", re.MULTILINE)
_GROUP = re.compile(r"\w*\([^()]*\)|\"(?:[^\"\\]|\\.)+\"|\d{2,}|\w+\[[^][]*\]")


def difference_of(script: str, late: bool = False, width: int = 128) -> Difference | None:
    """Return what differs in a script, or why the kernel refused it; None when nothing is wrong."""
    tally = compare([(script, _GLOBAL.findall(script))], late=late, limits=replace(LIMITS, max_string=width))
    if tally.refused:
        return Difference(script, f"refused: {tally.refused[0]}", "", "")
    return tally.differences[0] if tally.differences else None


def _same_kind(one: Difference, other: Difference | None) -> bool:
    return other is not None and re.sub(r"\d+", "", other.kind)[:60] == re.sub(r"\d+", "", one.kind)[:60]


def _without_lines(script: str) -> Iterator[str]:
    lines = script.split("\n")
    size = len(lines) // 2
    while size:
        for start in range(0, len(lines), size):
            yield "\n".join(lines[:start] + lines[start + size :])
        size //= 2
    for start, line in enumerate(lines):
        if line.rstrip().endswith("{"):
            depth = 0
            for end in range(start, len(lines)):
                depth += lines[end].count("{") - lines[end].count("}")
                if depth == 0 and end > start:
                    yield "\n".join(lines[:start] + lines[start + 1 : end] + lines[end + 1 :])
                    yield "\n".join(lines[:start] + lines[end + 1 :])
                    break


def _with_simpler_parts(script: str) -> Iterator[str]:
    for match in _GROUP.finditer(script):
        whole = match[0]
        inner = whole.partition("(")[2].rstrip(")") if "(" in whole else ""
        parts = [part for part in re.split(r" (?:[-+*/%&|^.?:<>=!]+|in) |, ", inner) if part] if inner else []
        for replacement in ("0", '""', "1", *parts):
            if len(replacement) < len(whole):
                yield script[: match.start()] + replacement + script[match.end() :]


def shrink(script: str, late: bool = False, width: int = 128, steps: int = 3000) -> str:
    """Return a smaller script with a difference of the same kind."""
    original = difference_of(script, late, width)
    if original is None:
        return script
    tried: set[str] = set()
    ways: tuple[Callable[[str], Iterator[str]], ...] = (_without_lines, _with_simpler_parts)
    progress = True
    while progress and steps > 0:
        progress = False
        for way in ways:
            for candidate in way(script):
                steps -= 1
                if candidate in tried or "probe begin {" not in candidate:
                    continue
                tried.add(candidate)
                if _same_kind(original, difference_of(candidate, late, width)):
                    script, progress = candidate, True
                    break
            if progress or steps <= 0:
                break
    return script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", type=Path, nargs="+")
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--width", type=int, default=LIMITS.max_string, help="MAXSTRINGLEN")
    arguments = parser.parse_args()
    late, width = arguments.late, arguments.width
    for path in arguments.scripts:
        found = difference_of(shrink(path.read_text(), late, width), late, width)
        print(f"{path.name}: {found}", flush=True)


if __name__ == "__main__":
    main()
