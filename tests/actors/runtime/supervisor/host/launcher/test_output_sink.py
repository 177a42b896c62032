"""What nobody reads is dropped and counted. Nobody who writes ever waits, and no write ever raises."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from actors.runtime.supervisor.host.launcher.output_sink import OutputSink, SinkStream, sinks_for

LIMIT_SECONDS = 20.0


class Reader:
    """Stands for whoever reads: it takes nothing until it is let."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.error: OSError | None = None
        self._may_read = threading.Event()
        self._began = threading.Event()

    def write(self, data: bytes) -> int:
        self._began.set()
        assert self._may_read.wait(LIMIT_SECONDS)
        if self.error is not None:
            raise self.error
        self.taken.append(data)
        return len(data)

    def wait_until_asked(self) -> None:
        assert self._began.wait(LIMIT_SECONDS)

    def read_on(self) -> None:
        self._may_read.set()

    @property
    def text(self) -> str:
        return b"".join(self.taken).decode()


@pytest.fixture
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.read_on()


def test_lines_arrive_in_order(reader: Reader) -> None:
    sink = OutputSink(reader.write)
    reader.read_on()
    for number in range(100):
        assert sink.write(b"%d\n" % number)
    assert sink.drain()
    assert reader.text == "".join(f"{number}\n" for number in range(100))


def test_what_finds_no_room_is_dropped_and_a_notice_stands_in_its_place(reader: Reader) -> None:
    sink = OutputSink(reader.write, limit_bytes=100)
    taken = [sink.write(b"x" * 9 + b"\n") for _ in range(30)]
    assert taken == [True] * 10 + [False] * 20
    assert sink.dropped == 20
    reader.read_on()
    assert sink.drain()
    assert sink.write(b"later\n")
    assert sink.drain()
    lines = reader.text.splitlines()
    assert lines[:10] == ["x" * 9] * 10
    assert lines[10:] == ["[20 lines were dropped here: nobody read them in time]", "later"]


def test_minor_lines_leave_room_for_the_others(reader: Reader) -> None:
    sink = OutputSink(reader.write, limit_bytes=100)
    assert [sink.write(b"minor....\n", is_minor=True) for _ in range(7)] == [True] * 5 + [False] * 2
    assert sink.write(b"state\n")


def test_a_reader_that_comes_back_slowly_gets_no_notice_for_each_line(reader: Reader) -> None:
    sink = OutputSink(reader.write, limit_bytes=100)
    for _ in range(20):
        sink.write(b"x" * 9 + b"\n")
    reader.read_on()
    assert sink.drain()
    assert reader.text.count("dropped") == 1


def test_one_line_may_be_longer_than_the_queue(reader: Reader) -> None:
    sink = OutputSink(reader.write, limit_bytes=100)
    reader.read_on()
    assert sink.write(b"x" * 500_000 + b"\n")
    assert sink.drain()
    assert len(reader.text) == 500_001


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET])
def test_after_the_reader_has_gone_nothing_is_kept_or_tried(reader: Reader, number: int) -> None:
    sink = OutputSink(reader.write)
    reader.error = OSError(number, os.strerror(number))
    sink.write(b"one\ntwo\n")
    reader.read_on()
    sink.drain()
    assert not sink.write(b"three\n")
    assert (sink.dropped, reader.taken) == (3, [])
    assert sink.fault == os.strerror(number)


def test_a_full_disk_costs_the_lines_of_its_time_only(reader: Reader) -> None:
    sink = OutputSink(reader.write)
    reader.error = OSError(errno.ENOSPC, "No space left on device")
    sink.write(b"one\n")
    reader.read_on()
    sink.drain()
    assert (sink.dropped, sink.fault) == (1, "No space left on device")
    reader.error = None
    assert sink.write(b"two\n")
    sink.drain()
    assert reader.text == "[1 lines were dropped here: nobody read them in time]\ntwo\n"
    assert sink.fault == ""


def test_at_the_end_a_reader_that_takes_nothing_is_not_waited_for(reader: Reader) -> None:
    sink = OutputSink(reader.write)
    sink.write(b"one\n")
    reader.wait_until_asked()
    assert not sink.drain(stall_seconds=0.05)


def test_without_a_thread_lines_wait_for_one(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sink = OutputSink(reader.write)
    reader.read_on()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert sink.write(b"one\n")
    assert sink.write(b"two\n")
    assert sink.drain()
    assert reader.text == "one\ntwo\n"


def test_a_sink_can_end_once_everything_is_written(reader: Reader) -> None:
    sink, ended = OutputSink(reader.write), threading.Event()
    sink.write(b"one\n")
    sink.finish(ended.set)
    assert not sink.write(b"two\n")
    assert not ended.is_set()
    reader.read_on()
    assert ended.wait(LIMIT_SECONDS)
    assert reader.text == "one\n"


def _stream(reader: Reader, encoding: str) -> SinkStream:
    return SinkStream(OutputSink(reader.write), io.TextIOWrapper(io.BytesIO(), encoding=encoding))


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_what_cannot_be_encoded_is_escaped(reader: Reader, encoding: str) -> None:
    stream = _stream(reader, encoding)
    reader.read_on()
    stream.write("● ready \udcff\n")
    stream.sink.drain()
    assert reader.text == ("● ready \\udcff\n" if encoding == "utf-8" else "\\u25cf ready \\udcff\n")


def test_parts_of_a_line_leave_together(reader: Reader) -> None:
    stream = _stream(reader, "utf-8")
    reader.read_on()
    stream.write("no ")
    stream.write("end")
    assert stream.sink.drain()
    assert reader.taken == []
    stream.flush()
    assert stream.sink.drain()
    assert reader.text == "no end"


GUARDED = """
import sys
from actors.runtime.supervisor.host.launcher.output_sink import sinks_for
sys.stdout, sys.stderr = sinks_for(sys.stdout, sys.stderr)
print("out", flush=True)
sys.stderr.write("err\\n")
print("written at the end")
"""


@pytest.mark.skipif(os.name != "posix", reason="shares one pipe")
def test_two_streams_to_one_place_keep_their_order_and_the_end_writes_what_is_left() -> None:
    run = subprocess.run(
        [sys.executable, "-c", GUARDED],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT_SECONDS,
        check=True,
    )
    assert run.stdout == b"out\nerr\nwritten at the end\n"


def test_two_streams_to_two_places_have_a_sink_each(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        one, other = (cast("SinkStream", stream) for stream in sinks_for(out, err))
        one.write("out\n")
        other.write("err\n")
        assert one.sink.drain()
        assert other.sink.drain()
        assert not one.isatty()
    assert ((tmp_path / "out").read_text(), (tmp_path / "err").read_text()) == ("out\n", "err\n")
