"""Sessions with programs in the running kernel: counting, events, losses, errors, what is left behind."""

from __future__ import annotations

import os
import threading
from array import array
from pathlib import Path

import pytest

from pystap.abi.map_layout import CONTROL_MAP
from pystap.abi.session_image import ErrorPlace
from pystap.loader.errors import MissingPrivilege
from pystap.loader.maps import possible_cpus
from pystap.program.attach import Syscalls
from pystap.program.symbols import StorageKind
from pystap.runtime.output import DescriptorSink
from pystap.runtime.run_options import RunOptions
from pystap.runtime.session import Session

from .images import ImageMaker, long_global
from .processes import run
from .programs import CONTROL, adds_map, counting_program, events_map, make_rare_calls, sending_program

RARE = Syscalls(False, frozenset({148}))
CPUS = 1 << (max(possible_cpus())).bit_length()

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to load programs")


def counting() -> ImageMaker:
    maker = ImageMaker()
    maker.maps += [CONTROL, adds_map(CPUS)]
    maker.globals.append(long_global("n", StorageKind.ADD_ONLY, initial=100))
    maker.kernel("syscall.sched_rr_get_interval", RARE, counting_program(CPUS))
    return maker


def sending(buffer: int = 1 << 20) -> ImageMaker:
    maker = ImageMaker()
    maker.maps += [CONTROL, events_map(buffer)]
    maker.kernel("syscall.sched_rr_get_interval", RARE, sending_program())
    maker.event(0, 0, 'rt.write("event %d\\n" % (int.from_bytes(record[8:16], "little") >> 32))')
    return maker


def run_here(maker: ImageMaker, tmp_path: Path, steps: object, **options: object) -> tuple[int, str]:
    """Run a session in this process; `steps(session)` is called once it is live."""
    path = tmp_path / "output"
    run_options = RunOptions(**options)  # type: ignore[arg-type]
    with path.open("wb") as file, Session(maker.image(), run_options, DescriptorSink(file.fileno())) as session:
        session.start()
        assert callable(steps)
        steps(session)
        session.end()
        status = session.finish()
    return status, path.read_text()


def test_no_addition_is_lost_and_a_handler_sees_the_sum(tmp_path: Path) -> None:
    maker = counting()
    maker.timer(1, 'g.v_n += 5; rt.write(f"{g.v_n}\\n")', reads=("n",), writes=("n",))
    maker.end('rt.write(f"end {g.v_n}\\n")')

    def steps(session: Session) -> None:
        threads = [threading.Thread(target=make_rare_calls, args=(20000,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        rounds = 0
        while any(thread.is_alive() for thread in threads) or rounds < 3:
            session.step()
            rounds += 1

    status, output = run_here(maker, tmp_path, steps)
    lines = output.splitlines()
    assert status == 0
    assert lines[-1] == f"end {100 + 40000 + 5 * (len(lines) - 1)}"


def test_a_second_process_counts_through_the_command(tmp_path: Path) -> None:
    maker = counting()
    maker.end('rt.write(f"end {g.v_n}\\n")')
    script = "import ctypes; c = ctypes.CDLL(None).syscall; [c(148, 0, 0) for _ in range(1000)]"
    status, output, errors = run(maker.image(), tmp_path, "-c", f"python3 -c '{script}'")
    assert (status, output, errors) == (0, "end 1100\n", "")


def test_events_arrive_all_and_in_order(tmp_path: Path) -> None:
    maker = sending()
    maker.end('rt.write("end\\n")')

    def steps(session: Session) -> None:
        for _ in range(20):
            make_rare_calls(500)
            session.step()

    status, output = run_here(maker, tmp_path, steps)
    assert status == 0
    assert output == f"event {os.getpid()}\n" * 10000 + "end\n"


def test_lost_events_are_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status, output = run_here(sending(4096), tmp_path, lambda session: make_rare_calls(1000))
    arrived = output.count("event")
    assert status == 0
    assert 0 < arrived < 1000
    assert capfd.readouterr().err == f"WARNING: There were {1000 - arrived} transport failures.\n"


def test_exit_in_an_event_drops_what_was_sent_behind_it(tmp_path: Path) -> None:
    maker = sending()
    maker.globals.append(long_global("n"))
    maker.events.clear()
    maker.event(0, 0, 'g.v_n += 1; rt.write("event\\n")\nif g.v_n == 3: rt.exit()')

    def steps(session: Session) -> None:
        make_rare_calls(10)
        session.step()

    assert run_here(maker, tmp_path, steps) == (0, "event\nevent\nevent\n")


def test_the_stopped_word_ends_a_session_whose_exit_event_was_lost(tmp_path: Path) -> None:
    with Session(counting().image()) as session:
        session.start()
        kernel = session._kernel
        assert kernel is not None
        kernel.stop()
        session.step()
        assert session.ended


def test_a_kernel_error_is_said_with_its_value(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    maker = sending()
    maker.errors.append(ErrorPlace("read fault [man error::fault] at %#x (addr) near x", 0))

    def steps(session: Session) -> None:
        session._kernel_error(0, -4096)

    assert run_here(maker, tmp_path, steps)[0] == 1
    assert capfd.readouterr().err == (
        "ERROR: read fault [man error::fault] at 0xfffffffffffff000 (addr) near x\n"
        "WARNING: Number of errors: 1, skipped probes: 0\n"
    )


def test_too_many_skipped_probes_end_the_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def steps(session: Session) -> None:
        kernel = session._kernel
        assert kernel is not None
        kernel._words[1024 // 8] = 101  # SKIPPED_LOCK of handler 0
        kernel._words[1024 // 8 + 1] = 1000  # SKIPPED_USER_LOCK does not count
        session._next_check = 0
        session.step()
        assert session.ended

    assert run_here(counting(), tmp_path, steps)[0] == 1
    assert capfd.readouterr().err == (
        "ERROR: Skipped too many probes, check MAXSKIPPED or try again with stap -t for more details.\n"
        "WARNING: Number of errors: 0, skipped probes: 1101\n"
    )


def test_timing_lists_the_probes_that_were_hit(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    maker = counting()
    maker.begin("pass")

    def steps(session: Session) -> None:
        kernel = session._kernel
        assert kernel is not None
        first = 1024 // 8 + 6
        kernel._words[first : first + 4] = memoryview(array("q", [4, 400, 10, 300]))

    run_here(maker, tmp_path, steps, timing=True)
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "----- probe hit report: "
    point = "syscall.sched_rr_get_interval"
    assert lines[1] == f"{point}, (test.stp:1:1), hits: 4, ns: 10min/100avg/300max, from: {point}, index: 0"
    assert lines[2].startswith("begin, (test.stp:2:1), hits: 1, ns: ")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    run_here(sending(), tmp_path, lambda session: make_rare_calls(5))
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_missing_capability_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pystap.runtime.kernel_side as kernel_side

    def refuse(*arguments: object) -> None:
        raise MissingPrivilege("create the map control", 1, ("CAP_BPF",), ())

    from pystap.runtime import foreground

    monkeypatch.setattr(kernel_side, "load_image", refuse)
    said: list[str] = []
    monkeypatch.setattr("pystap.runtime.report.write_error_text", said.append)
    assert foreground.run_in_foreground(counting().image(), RunOptions(), str(tmp_path)) == 1
    assert "CAP_BPF" in said[0]
    assert "root" in said[0]


def test_control_map_has_the_target(tmp_path: Path) -> None:
    with Session(counting().image(), RunOptions(pid=os.getpid())) as session:
        session.start()
        kernel = session._kernel
        assert kernel is not None
        assert kernel._loaded.maps[CONTROL_MAP].mapping().words[3] == os.getpid()
