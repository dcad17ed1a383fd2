"""Sessions that are left running and come back."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.command import environment

from .images import ImageMaker
from .processes import STAPRUN, is_running, read_line, run, start, wait_for


def staprun(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*STAPRUN, *words], env=environment(folder), capture_output=True, timeout=60)


def ticking() -> ImageMaker:
    maker = ImageMaker()
    maker.begin('rt.write("live\\n")')
    maker.timer(5, 'import os; rt.write(f"tick {os.getpid()}\\n")')
    maker.end('rt.write("end\\n")')
    return maker


def attached(folder: Path, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*STAPRUN, "-A", name], env=environment(folder), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, start_new_session=True)  # fmt: skip


def test_a_session_is_left_running_and_attached_to(tmp_path: Path) -> None:
    status, output, errors = run(ticking().image(), tmp_path, "-L")
    assert (status, output) == (0, "live\n")
    assert errors == 'Disconnected from systemtap session.\nTo reconnect, type "staprun -A test"\n'
    with attached(tmp_path, "test") as client:
        word, pid = read_line(client).split()
        assert word == "tick"
        client.send_signal(signal.SIGINT)
        rest, messages = client.communicate(timeout=30)
        assert rest.endswith(b"end\n")
        assert (messages, client.returncode) == (b"", 0)
    wait_for(lambda: not is_running(int(pid)))
    assert not list((tmp_path / "systemtap" / "run").iterdir())


def test_sigquit_leaves_a_session_and_delete_ends_it(tmp_path: Path) -> None:
    with start(ticking().image(), tmp_path) as process:
        assert read_line(process) == "live\n"
        process.send_signal(signal.SIGQUIT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert b"staprun -A test" in errors
    with attached(tmp_path, "test") as client:
        pid = int(read_line(client).split()[1])
        client.send_signal(signal.SIGQUIT)
        client.communicate(timeout=30)
        assert client.returncode == 0
    assert is_running(pid)
    assert staprun(tmp_path, "-d", "test").returncode == 0
    wait_for(lambda: not is_running(pid))


def test_attaching_to_nothing_is_an_error(tmp_path: Path) -> None:
    done = staprun(tmp_path, "-A", "nothing")
    assert (done.returncode, done.stderr) == (1, b"ERROR: there is no session 'nothing' to attach to\n")
