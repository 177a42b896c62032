"""Strangers and guests who try to fill the memory of the broker, or to keep it busy, in vain."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from bus import wire
from tests.support.broker_processes import GUARD_SECONDS, BrokerProcess, broker_options, broker_process
from tests.support.raw_peer import RawPeer
from tests.support.raw_zmtp import GREETING, RawStranger, frame, ready

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much has arrived"),
    pytest.mark.timeout(120),
]

MIB = 1024 * 1024
STRANGER_GROWTH_BYTES = 400 * MIB
"""What strangers may take for a moment: 1 to 5 MB, unless the machine stalls. Without limits it is all."""

GUEST_GROWTH_BYTES = 800 * MIB
"""A guest may send 16 MiB at once, and is looked at a few times in a second."""

FLOOD_BYTES = 2048 * MIB


@pytest.fixture(params=["ipc", "tcp"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker, over each transport."""
    with broker_process(broker_options(request.param, tmp_path)) as found:
        yield found


@pytest.fixture
def local(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker in a directory, where no keys are needed."""
    with broker_process(broker_options("ipc", tmp_path)) as found:
        yield found


@contextlib.contextmanager
def growth_below(broker: BrokerProcess, limit_bytes: int) -> Iterator[None]:
    """Within the block the memory of the broker grows by less than that, and afterwards it serves."""
    broker.forget_peak()
    before_bytes = broker.resident_bytes()
    yield
    assert broker.peak_bytes() - before_bytes < limit_bytes
    with RawPeer(broker.runtime(), "witness") as witness:
        witness.hello().settle()


def send_much(peer: RawPeer, frames: int, size_bytes: int) -> None:
    """Send one message of so many frames, and wait until the broker has cut the connection."""
    content = bytes(size_bytes)
    with contextlib.closing(peer.lane.get_monitor_socket(zmq.EVENT_DISCONNECTED)) as monitor:
        peer.lane.send_multipart([content] * frames, copy=False)
        assert monitor.poll(GUARD_SECONDS * 1000)
        peer.lane.disable_monitor()


def test_one_message_of_many_large_frames_before_hello_is_not_kept(broker: BrokerProcess) -> None:
    with growth_below(broker, STRANGER_GROWTH_BYTES), RawPeer(broker.runtime()) as stranger:
        send_much(stranger, 300, 4_000_000)


@pytest.mark.parametrize("kind", [b"DEALER", b"SUB"])
@pytest.mark.parametrize("size_bytes", [100, 4000, 1 * MIB])
def test_frames_without_an_end_are_cut_off_before_hello(
    local: BrokerProcess, kind: bytes, size_bytes: int
) -> None:
    endpoint = local.options.lane if kind == b"DEALER" else local.options.feed
    with growth_below(local, STRANGER_GROWTH_BYTES), RawStranger(endpoint).greet(kind) as stranger:
        stranger.stream(frame(bytes(size_bytes), more=True) * (1 + 20_000 // size_bytes), FLOOD_BYTES)
        assert stranger.is_cut


def test_many_connections_that_send_frames_without_an_end_take_no_more(local: BrokerProcess) -> None:
    with growth_below(local, STRANGER_GROWTH_BYTES), contextlib.ExitStack() as stack:
        for _ in range(100):
            stranger = stack.enter_context(RawStranger(local.options.lane).greet())
            stranger.connection.setblocking(False)
            stranger.send(frame(bytes(150_000), more=True))


def test_messages_before_hello_are_refused_until_they_are_too_many(local: BrokerProcess) -> None:
    with growth_below(local, STRANGER_GROWTH_BYTES), RawStranger(local.options.lane).greet() as stranger:
        stranger.stream(frame(b"PING", more=True) + frame(b"\x91\x01"), FLOOD_BYTES)
        assert stranger.is_cut


def some_subscriptions() -> bytes:
    return b"".join(frame(b"\x01" + os.urandom(100)) for _ in range(100))


def test_subscriptions_of_many_connections_are_bounded(local: BrokerProcess) -> None:
    with growth_below(local, 128 * MIB), contextlib.ExitStack() as stack:
        for _ in range(20):
            stranger = stack.enter_context(RawStranger(local.options.feed).greet(b"SUB"))
            for _ in range(20):
                stranger.send(some_subscriptions())


def test_subscriptions_of_one_connection_are_bounded(local: BrokerProcess) -> None:
    with (
        growth_below(local, STRANGER_GROWTH_BYTES),
        RawStranger(local.options.feed).greet(b"SUB") as stranger,
    ):
        while stranger.send(some_subscriptions()):
            pass
    with RawStranger(local.options.feed).greet(b"SUB") as stranger:
        stranger.send(frame(b"\x01" + bytes(4000)))
        stranger.wait_for_end()


def admitted(broker: BrokerProcess, name: str = "guest") -> RawStranger:
    """A connection that is a peer."""
    found = RawStranger(broker.options.lane).greet()
    hello = wire.HelloHeader(wire.PROTOCOL_VERSION, name, "instance", broker.options.token)
    verb, header = wire.lane_frames(hello)
    found.send(frame(bytes(verb), more=True) + frame(bytes(header)))
    received = b""
    while b"WELCOME" not in received:
        piece = found.connection.recv(65_536)
        assert piece, received
        received += piece
    return found


def test_one_message_of_many_large_frames_of_a_guest_is_not_kept(broker: BrokerProcess) -> None:
    with growth_below(broker, GUEST_GROWTH_BYTES), RawPeer(broker.runtime()) as guest:
        send_much(guest.hello(), 300, 4_000_000)


@pytest.mark.parametrize("size_bytes", [1000, 4 * MIB])
def test_frames_without_an_end_are_cut_off_after_hello(local: BrokerProcess, size_bytes: int) -> None:
    with growth_below(local, GUEST_GROWTH_BYTES), admitted(local) as guest:
        guest.stream(frame(bytes(size_bytes), more=True) * (1 + 100_000 // size_bytes), FLOOD_BYTES)
        assert guest.is_cut


def test_a_message_of_the_largest_size_passes_however_slowly_it_comes(local: BrokerProcess) -> None:
    with admitted(local) as peer:
        content = bytes(wire.BODY_LIMIT_BYTES - 8)
        body = b"\x81\xa1x\xc6" + len(content).to_bytes(4, "big") + content
        verb, header = wire.lane_frames(wire.RequestHeader(1, "app.x", 1000))
        content = frame(bytes(verb), more=True) + frame(bytes(header), more=True) + frame(body)
        for at in range(0, len(content), 64_000):
            assert peer.send(content[at : at + 64_000])
        received = b""
        while b"FAILED" not in received:
            piece = peer.connection.recv(65_536)
            assert piece
            received += piece
        assert b"no_responder" in received or b"refused" in received, received[:500]


HALVES = [b"", GREETING[:5], GREETING[:20], GREETING, GREETING + ready(b"DEALER")[:9]]
"""Nothing, a part of the signature, half a greeting, a greeting, half a command."""


@pytest.mark.slow
def test_who_does_not_go_on_is_cut_off(local: BrokerProcess) -> None:
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(RawStranger(local.options.lane)) for _ in HALVES]
        for stranger, said in zip(strangers, HALVES, strict=True):
            stranger.send(said)
        silent = stack.enter_context(RawStranger(local.options.lane)).greet()
        for stranger in (*strangers, silent):
            stranger.wait_for_end()
    with RawPeer(local.runtime(), "witness") as witness:
        witness.hello().settle()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_more_idle_strangers_than_descriptors_cost_next_to_nothing(transport: str, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(broker_process(broker_options(transport, tmp_path), 1024))
        keep_coming(stack, broker, 3.0)
        began, before = time.monotonic(), _cpu_seconds(broker.pid)
        keep_coming(stack, broker, 4.0)
        used, seconds = _cpu_seconds(broker.pid) - before, time.monotonic() - began
        assert used < 0.3 * seconds
        assert len(os.listdir(f"/proc/{broker.pid}/fd")) < 700


def keep_coming(stack: contextlib.ExitStack, broker: BrokerProcess, seconds: float) -> None:
    """1,100 connections that say nothing, and come again when they are ended."""
    held: list[Any] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        held = [connection for connection in held if not _has_ended(connection)]
        while len(held) < 1100 and (connection := _connect(broker.options.lane)) is not None:
            held.append(stack.enter_context(connection))
        time.sleep(0.05)


def _connect(endpoint: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX if endpoint.startswith("ipc") else socket.AF_INET)
    connection.setblocking(False)
    try:
        if endpoint.startswith("ipc://"):
            connection.connect(endpoint.removeprefix("ipc://"))
        else:
            host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
            connection.connect_ex((host, int(port)))
    except OSError:
        connection.close()
        return None
    return connection


def _has_ended(connection: socket.socket) -> bool:
    try:
        ended = not connection.recv(1000)
    except BlockingIOError:
        return False
    except OSError:
        ended = True
    if ended:
        connection.close()
    return ended
