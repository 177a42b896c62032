"""What peers without manners cost a real broker: bounded memory, bounded time, and never its life."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
import zmq

from bus import wire
from bus.broker.roster import Roster
from tests.support.broker_processes import GUARD_SECONDS, BrokerProcess, broker_options, broker_process
from tests.support.raw_peer import RawPeer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from Linux's /proc"),
]

MIB: Final = 2**20
EVENT: Final = wire.encode({"type": "app.ask"})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with broker_process(broker_options("ipc", tmp_path)) as found:
        yield found


def filler(size_bytes: int) -> bytes:
    return wire.encode([{"type": "app.x", "filler": bytes(size_bytes)}])


def growth(broker: BrokerProcess, action: Callable[[], object]) -> float:
    """By how many MiB the broker grew at most while something was done."""
    before = broker.resident_bytes()
    broker.forget_peak()
    action()
    return (broker.peak_bytes() - before) / MIB


def wait_until(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + GUARD_SECONDS
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.01)


def array(count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big")


COUNT: Final = 15 * MIB
HOSTILE_BODIES: dict[str, tuple[int, Callable[[], bytes]]] = {
    "15 million nils": (COUNT, lambda: array(COUNT) + b"\xc0" * COUNT),
    "15 million nils in one event": (1, lambda: b"\x91" + array(COUNT) + b"\xc0" * COUNT),
    "15 million empty maps in one event": (1, lambda: b"\x91" + array(COUNT) + b"\x80" * COUNT),
    "7 million tiny texts in one event": (1, lambda: b"\x91" + array(COUNT // 2) + b"\xa1a" * (COUNT // 2)),
    "arrays in arrays": (
        1,
        lambda: b"\x91" + array(COUNT // 501) + (b"\x91" * 500 + b"\xc0") * (COUNT // 501),
    ),
    "nesting without an end": (1, lambda: b"\x91" * COUNT),
    "a map that lies about its size": (1, lambda: b"\x91\xdf\xff\xff\xff\xff" + b"\xa0" * COUNT),
    "a map with an entry of 2 bytes each": (
        1,
        lambda: b"\x91\xdf" + (COUNT // 2).to_bytes(4, "big") + b"\xa0\xc0" * (COUNT // 2),
    ),
}


@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_ten_of_the_largest_frames_cost_a_multiple_of_one_and_the_supervisor_is_answered(
    broker: BrokerProcess, name: str
) -> None:
    count, make = HOSTILE_BODIES[name]
    body = make()

    def attack() -> None:
        with RawPeer(broker.runtime()).hello() as rude:
            for serial in range(1, 6):
                rude.publish(serial, "app.x", body, count)
            for id in range(1, 6):
                rude.send(wire.RequestHeader(id, "app.nobody", 1000), b"\x81\xa1a" + body)
            for _ in range(5):
                broker.answer_ping()
            rude.settle()

    ring = 5 * len(body) if count == 1 else 0
    assert growth(broker, attack) < (8 * 16 * MIB + ring) / MIB
    assert broker.is_alive()


def test_a_header_of_millions_of_fields_is_refused_under_its_number(broker: BrokerProcess) -> None:
    def attack() -> None:
        with RawPeer(broker.runtime()).hello() as rude:
            for verb in (b"PUBLISH", b"REQUEST", b"SNAPSHOT"):
                rude.lane.send_multipart([verb, array(COUNT) + b"\x07" + b"\xc0" * (COUNT - 1)])
                failed = rude.wait_for(wire.FailedHeader)
                assert (failed.id, failed.message.partition(":")[0]) == (7, "oversize")

    assert growth(broker, attack) < 8 * 16


def test_a_message_of_many_frames_costs_a_multiple_of_its_size(broker: BrokerProcess) -> None:
    def attack() -> None:
        with RawPeer(broker.runtime(), high_water_mark=0).hello() as rude:
            rude.lane.send_multipart([b"REQUEST", wire.encode([1, "app.x", 1000]), *[b""] * 200_000])
            broker.answer_ping()
            failed = rude.wait_for(wire.FailedHeader)
            assert failed.message.startswith("truncated")

    assert growth(broker, attack) < 64, "ZeroMQ takes 64 bytes for a frame"
    with RawPeer(broker.runtime()) as other:
        other.hello()


GUESTS: Final = ("one", "two", "three", "four")
RETAINED_EACH: Final = 7


@pytest.fixture
def retained(broker: BrokerProcess) -> Iterator[list[RawPeer]]:
    """Guests that retain 28 MiB together."""
    guests = [RawPeer(broker.runtime(), name).hello() for name in GUESTS]
    for guest in guests:
        for number in range(1, RETAINED_EACH + 1):
            guest.publish(number, "app.retained", filler(MIB - 200), key=f"{guest.name} {number}")
        guest.settle()
    yield guests
    for guest in guests:
        guest.close()


def test_snapshots_that_are_not_read_cost_one_page_and_are_dropped_with_their_peer(
    broker: BrokerProcess, retained: list[RawPeer]
) -> None:
    before = broker.resident_bytes()

    def attack() -> None:
        with RawPeer(broker.runtime(), high_water_mark=1).hello() as rude:
            for id in range(1, 101):
                rude.send(wire.SnapshotHeader(id, ["*"]))
                rude.send(wire.ReplayHeader(id, "app.retained", 1, 60))
            retained[0].settle()
            broker.answer_ping()

    assert growth(broker, attack) < 16
    for _ in range(20):  # as a slow client in a loop of reconnects
        attack()
    wait_until(lambda: broker.resident_bytes() < before + 16 * MIB, "it is given back")


def test_every_page_comes_to_a_peer_that_reads(broker: BrokerProcess, retained: list[RawPeer]) -> None:
    with RawPeer(broker.runtime(), "reader").hello() as reader:
        after = found = pages = 0
        while pages == 0 or after:
            reader.send(wire.SnapshotHeader(1, ["app.*"], after=after))
            frames = reader.receive()
            while frames[0] != b"SNAPSHOT":
                ping = wire.read_from_broker(frames[:2])
                assert isinstance(ping, wire.PingHeader)
                reader.send(wire.PongHeader(ping.id))
                frames = reader.receive()
            header = wire.read_from_broker(frames[:2])
            assert isinstance(header, wire.SnapshottedHeader)
            assert sum(map(len, frames)) < 3 * MIB
            assert bool(header.heads) == (pages == 0)
            found += (len(frames) - 2) // 3
            pages += 1
            after = header.next
        assert found == len(retained) * RETAINED_EACH
        assert pages == found // 2


def test_a_subscriber_that_does_not_read_costs_a_bounded_number_of_bytes_and_holds_nobody_up(
    broker: BrokerProcess,
) -> None:
    body = filler(15 * MIB)
    with RawPeer(broker.runtime(), "publisher").hello() as publisher:
        before = broker.resident_bytes()

        def attack() -> None:
            with RawPeer(broker.runtime(), high_water_mark=1).hello().subscribe(b"app.") as slow:
                for serial in range(1, 81):
                    publisher.publish(serial, "app.x", body)
                    if serial % 10 == 0:
                        publisher.settle()
                slow.send(wire.PingHeader(1))

        assert growth(broker, attack) < 64 + 64 + 8 * 16
        publisher.publish(81, "app.x", filler(10))
        publisher.settle()
        wait_until(lambda: broker.resident_bytes() < before + 96 * MIB, "all but the ring is given back")


def test_a_subscriber_that_is_stopped_is_cut_off_so_that_others_get_large_runs_again(
    broker: BrokerProcess,
) -> None:
    body = filler(MIB)
    with (
        RawPeer(broker.runtime(), "publisher").hello() as publisher,
        RawPeer(broker.runtime(), "stopped", high_water_mark=1).hello().subscribe(b"app.") as stopped,
        RawPeer(broker.runtime(), "other").hello().subscribe(b"app.") as other,
    ):
        monitor = stopped.feed.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        for serial in range(1, 101):
            publisher.publish(serial, "app.x", body)
        publisher.settle()
        heard = 0
        while other.feed.poll(500):
            other.feed.recv_multipart()
            heard += 1
        assert heard < 100, "large runs are not announced any more"
        serial = 101
        until = time.monotonic() + GUARD_SECONDS
        while not other.feed.poll(200):
            publisher.publish(serial, "app.x", body)
            serial += 1
            assert time.monotonic() < until
        while not monitor.poll(0):  # it notices once it reads
            if stopped.feed.poll(10):
                stopped.feed.recv_multipart()
        stopped.feed.disable_monitor()


def test_every_request_has_one_outcome_when_the_replies_are_not_read(broker: BrokerProcess) -> None:
    reply = wire.encode({"filler": bytes(8 * MIB)})
    with (
        RawPeer(broker.runtime(), "server").hello() as server,
        RawPeer(broker.runtime(), "asker", high_water_mark=1).hello() as asker,
    ):
        server.send(wire.ServeHeader(["app.ask"]))
        server.wait_for(wire.ServeHeader)

        def attack() -> None:
            for id in range(1, 41):
                asker.send(wire.RequestHeader(id, "app.ask", 86_400_000), EVENT)
            ids = [server.wait_for(wire.RequestHeader).id for _ in range(40)]
            for number, id in enumerate(ids):
                server.send(wire.ReplyHeader(id), reply)
                if number % 4 == 0:
                    server.settle()
            server.settle()

        assert growth(broker, attack) < 32 + 8 * 8
        outcomes: Counter[int] = Counter()
        kinds: Counter[str] = Counter()
        while len(outcomes) < 40:
            outcome = asker.wait_for((wire.RepliedHeader, wire.FailedHeader))
            outcomes[outcome.id] += 1
            kinds[getattr(outcome, "kind", "replied")] += 1
        asker.settle()
        assert outcomes == dict.fromkeys(range(1, 41), 1)
        assert set(kinds) == {"replied", "busy"}


def test_requests_that_a_server_does_not_read_fail_as_busy(broker: BrokerProcess) -> None:
    request = wire.encode({"filler": bytes(8 * MIB)})
    with (
        RawPeer(broker.runtime(), "server", high_water_mark=1).hello() as server,
        RawPeer(broker.runtime(), "asker").hello() as asker,
    ):
        server.send(wire.ServeHeader(["app.ask"]))
        server.wait_for(wire.ServeHeader)

        def attack() -> None:
            for id in range(1, 41):
                asker.send(wire.RequestHeader(id, "app.ask", 86_400_000), request)
                if id % 4 == 0:
                    asker.send(wire.PingHeader(id))
                    while not isinstance(found := asker.wait_for(answers), wire.PongHeader):
                        kinds[found.kind] += 1

        answers = (wire.PongHeader, wire.FailedHeader)
        kinds: Counter[str] = Counter()
        assert growth(broker, attack) < 32 + 8 * 16
        assert kinds["busy"] > 30


def test_a_peer_that_takes_no_outcome_at_all_is_cut_off(broker: BrokerProcess) -> None:
    request = wire.lane_frames(wire.RequestHeader(1, "app.nobody" + "x" * 100, 1000), EVENT)
    with RawPeer(broker.runtime(), "asker", high_water_mark=1).hello() as asker:
        monitor = asker.lane.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        while asker.lane.poll(500, zmq.POLLOUT):
            asker.lane.send_multipart(request)
        while not monitor.poll(0):  # it notices once it reads
            if asker.lane.poll(10):
                asker.receive()
        asker.lane.disable_monitor()
    with RawPeer(broker.runtime(), "asker") as again:
        again.hello()


class Flood:
    """Raw connections that say nothing, or not enough."""

    def __init__(self) -> None:
        self.connections: list[socket.socket] = []

    def open(self, path: Path, greeting: bytes = b"") -> bool:
        """Open one more; False: it is refused."""
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            connection.connect(str(path))
            connection.send(greeting)
        except OSError:
            connection.close()
            return False
        self.connections.append(connection)
        return True

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.connections.clear()


@pytest.mark.parametrize(
    "greeting", [b"", b"\xff", b"\xff\0\0\0\0\0\0\0\x01\x7f\x03", b"GET / HTTP/1.1\r\n\r\n"]
)
@pytest.mark.parametrize("descriptor_limit", [256, 64])
def test_no_number_of_connections_ends_a_broker_with_few_descriptors(
    tmp_path: Path, greeting: bytes, descriptor_limit: int
) -> None:
    with (
        broker_process(broker_options("ipc", tmp_path), descriptor_limit) as broker,
        RawPeer(broker.runtime(), "inside").hello() as inside,
    ):
        flood = Flood()
        for number in range(2000):
            flood.open(tmp_path / ("lane" if number % 2 else "feed"), greeting)
            if number % 4 == 0:
                inside.settle()  # the broker had its turn
        assert broker.is_alive()
        inside.settle()
        flood.close()
        with RawPeer(broker.runtime(), "late") as late:
            late.hello()


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_connections_that_never_say_hello_make_room_for_others(tmp_path: Path, transport: str) -> None:
    with broker_process(broker_options(transport, tmp_path), descriptor_limit=256) as broker:
        idle = [RawPeer(broker.runtime(), f"idle-{number}") for number in range(150)]
        try:
            with RawPeer(broker.runtime(), "late") as late:
                late.hello()
                late.settle()
            assert broker.is_alive()
        finally:
            for peer in idle:
                peer.close()


def test_a_flood_of_connections_does_not_end_a_broker(tmp_path: Path) -> None:
    with (
        broker_process(broker_options("ipc", tmp_path), descriptor_limit=4096) as broker,
        RawPeer(broker.runtime(), "inside").hello() as inside,
    ):
        _allow_descriptors(8000)
        flood = Flood()
        for number in range(30_000):
            if not flood.open(tmp_path / ("lane" if number % 2 else "feed")) and number % 100 == 0:
                inside.settle()
        assert broker.is_alive()
        assert len(flood.connections) < 6000, "beyond the limit only what still waits to be closed"
        inside.settle()
        flood.close()
        with RawPeer(broker.runtime(), "late") as late:
            late.hello()


def _allow_descriptors(count: int) -> None:
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(count, hard)), hard))


def test_guests_beyond_the_room_are_refused_with_a_reason(tmp_path: Path) -> None:
    strict = msgspec.structs.replace(broker_options("ipc", tmp_path), roster=Roster())
    with broker_process(strict, descriptor_limit=256) as broker:
        guests = [RawPeer(broker.runtime(), f"guest-{number}").hello() for number in range(64)]
        try:
            with RawPeer(broker.runtime(), "one-too-many") as refused:
                refused.send(wire.HelloHeader(wire.PROTOCOL_VERSION, "one-too-many", "instance", "token"))
                failed = refused.wait_for(wire.FailedHeader)
                assert (failed.kind, failed.message.partition(":")[0]) == ("refused", "peers_full")
                guests.pop().close()
                wait_until(lambda: _is_admitted(refused), "there is room again")
        finally:
            for guest in guests:
                guest.close()


def _is_admitted(peer: RawPeer) -> bool:
    peer.send(wire.HelloHeader(wire.PROTOCOL_VERSION, peer.name, peer.instance, "token"))
    return isinstance(peer.answer(), wire.WelcomeHeader)


@pytest.mark.parametrize("loss", ["lane", "feed", "directory"])
def test_lost_socket_files_are_bound_anew_and_who_was_connected_stays(tmp_path: Path, loss: str) -> None:
    directory = tmp_path / "run"
    with (
        broker_process(broker_options("ipc", directory)) as broker,
        RawPeer(broker.runtime(), "inside").hello().subscribe(b"app.") as inside,
    ):
        if loss == "directory":
            shutil.rmtree(directory)
        else:
            (directory / loss).unlink()
        with RawPeer(broker.runtime(), "late") as late:
            late.hello().subscribe(b"app.")
            for peer in (inside, late):
                wait_until(lambda peer=peer: _is_heard(inside, peer), "the feed brings what is published")
        assert os.stat(directory).st_mode & 0o777 == 0o700


def _is_heard(publisher: RawPeer, subscriber: RawPeer) -> bool:
    """Whether the subscriber hears something that is published now; its subscription may be on the way."""
    publisher.published += 1
    publisher.publish(publisher.published, "app.x", filler(1))
    return bool(subscriber.feed.poll(100)) and subscriber.feed.recv_multipart()[0] == b"app.x"


def test_a_peer_that_says_hello_again_and_again_is_announced_once(broker: BrokerProcess) -> None:
    with (
        RawPeer(broker.runtime(), "listener").hello().subscribe(b"bus.") as listener,
        RawPeer(broker.runtime(), "rude").hello() as rude,
    ):
        for _ in range(2000):
            rude.hello()
        rude.publish(1, "app.x", filler(1))
        rude.settle()
        rude.send(wire.ByeHeader())
        topics = Counter[bytes]()
        while topics[b"bus.peer_left"] == 0:
            assert listener.feed.poll(int(GUARD_SECONDS * 1000))
            topics[listener.feed.recv_multipart()[0]] += 1
        assert topics[b"bus.peer_joined"] == 1
