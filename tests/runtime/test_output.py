"""Writing the output: pipes that do not block, files that switch, text that is held back."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pystap.runtime.output import FLUSH_SIZE, CallbackSink, DescriptorSink, FileSink, Output, OutputClosed, OutputFailed


def test_a_pipe_that_does_not_block_gets_everything() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    data = bytes(range(256)) * 4096
    got = bytearray()

    def reader() -> None:
        while len(got) < len(data):
            got.extend(os.read(read, 1 << 16))

    thread = threading.Thread(target=reader)
    thread.start()
    DescriptorSink(write).write(data)
    thread.join(30)
    os.close(read)
    with pytest.raises(OutputClosed):
        DescriptorSink(write).write(b"x")
    os.close(write)
    assert got == data


def test_a_sink_that_fails_is_told_once_and_the_rest_is_dropped() -> None:
    reasons: list[str] = []

    def fail(data: bytes) -> None:
        raise OutputFailed("full")

    output = Output(CallbackSink(fail), reasons.append)
    for _ in range(3):
        output.write("text")
        output.flush()
    assert reasons == ["full"]
    assert output.closed


def test_much_text_is_written_early_unless_it_is_held() -> None:
    got: list[bytes] = []
    output = Output(CallbackSink(got.append), lambda reason: None)
    output.held = True
    output.write("x" * FLUSH_SIZE)
    assert not got
    output.held = False
    output.write("é")
    assert got == [b"x" * FLUSH_SIZE + b"\xe9"]


def test_files_end_at_line_ends(tmp_path: Path) -> None:
    sink = FileSink(str(tmp_path / "out"), limit=10, keep=0)
    sink.write(b"1234\n5678\n9\n")
    sink.write(b"abc\n" + b"z" * 25)
    sink.close()
    parts = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    assert parts == [b"1234\n5678\n", b"9\nabc\n", b"z" * 10, b"z" * 10, b"z" * 5]
