"""The promises of the bus between processes that are killed, stopped and lied to."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bus import wire
from bus.broker.broker_process import BrokerOptions
from bus.broker.roster import Roster
from bus.client import GapEvent, IncomingRequest, Peer, connect
from bus.discovery import Runtime, read_runtime
from bus.errors import HelloRefused, NotRunning, RequestFailed, UnsafeEndpoint
from bus.transport.sockets.curve_keys import new_curve_secrets
from bus.transport.sockets.listener import prepare_endpoint
from schemas.operations.bus import BusStatisticsEvent, BusStatisticsRequestEvent, PeerLeftEvent
from tests.support.broker_processes import GUARD_SECONDS, BrokerProcess, broker_options, broker_process
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.name == "nt", reason="stops and kills with POSIX signals"),
]

_processes: Any = multiprocessing.get_context("forkserver" if os.name != "nt" else "spawn")


@contextlib.contextmanager
def process(target: Any, *arguments: Any) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process of its own that reports over a pipe; killed at the end of the block."""
    pipe, other = _processes.Pipe()
    child = _processes.Process(target=target, args=(*arguments, other), daemon=True)
    child.start()
    other.close()
    try:
        yield child, pipe
    finally:
        child.kill()
        child.join()
        pipe.close()


async def report(pipe: Connection) -> Any:
    """The next report of a process."""

    def read() -> Any:
        assert pipe.poll(GUARD_SECONDS), "the process says nothing"
        return pipe.recv()

    return await asyncio.to_thread(read)


def publish_numbers(runtime: Runtime, pipe: Connection) -> None:
    """Publish 0, 1, 2 ... and report how many are accepted, until something comes in."""

    async def go() -> None:
        async with connect("publisher", runtime=runtime) as peer:
            pipe.send(("ready", 0))
            n = 0
            while not pipe.poll():
                for _ in range(50):
                    await peer.publish(NumberedEvent(n=n))
                    n += 1
                await asyncio.sleep(0)
                pipe.send(("accepted", peer.statistics().accepted))
            await peer.settled()
            pipe.send(("total", n))

    asyncio.run(go())


def listen(runtime: Runtime, name: str, pipe: Connection) -> None:
    """Report every number heard, and every gap, in lists."""

    async def go() -> None:
        async with connect(name, runtime=runtime) as peer, peer.subscribe(NumberedEvent) as events:
            pipe.send("ready")
            heard: list[int | tuple[str, int]] = []
            async for event in events:
                heard.append(("gap", event.count) if isinstance(event, GapEvent) else event.n)
                if len(heard) >= 200 or not isinstance(heard[-1], int) or heard[-1] % 50 == 49:
                    pipe.send(heard)
                    heard = []

    asyncio.run(go())


def serve_and_hold(runtime: Runtime, pipe: Connection) -> None:
    """Serve, take the first request, and never answer."""

    async def go() -> None:
        async with connect("server", runtime=runtime) as peer:
            await peer.serve([AskEvent], lambda request: pipe.send(request.id))
            pipe.send("ready")
            await asyncio.Event().wait()

    asyncio.run(go())


async def hear_until(pipe: Connection, last: int) -> list[Any]:
    """Everything that a listener reports, up to this number."""
    heard: list[Any] = []
    while not heard or heard[-1] != last:
        heard += await report(pipe)
    return heard


@pytest.mark.slow
@pytest.mark.requirement("C-1", "C-2")
@pytest.mark.parametrize("transport", ["ipc", "tcp"])
async def test_a_broker_that_is_killed_under_load_loses_nothing_and_brings_nothing_twice(
    transport: str, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(broker_process(broker_options(transport, tmp_path)))
        _, ears = stack.enter_context(process(listen, broker.runtime(), "listener"))
        assert await report(ears) == "ready"
        _, mouth = stack.enter_context(process(publish_numbers, broker.runtime()))
        for _ in range(5):
            epoch, before = broker.epoch, await progress(mouth, 0)
            await progress(mouth, before + 500)
            broker.kill()
            broker.start()
            assert broker.epoch != epoch
        await progress(mouth, before + 2000)
        mouth.send("stop")
        kind, total = await report(mouth)
        while kind != "total":
            kind, total = await report(mouth)
        assert total >= 3000
        assert await hear_until(ears, total - 1) == list(range(total))


async def progress(mouth: Connection, beyond: int) -> int:
    """Wait until more than `beyond` events are accepted."""
    accepted = -1
    while accepted < beyond:
        _, accepted = await report(mouth)
    return accepted


async def test_a_publisher_that_is_killed_harms_nobody_and_what_it_said_stands(tmp_path: Path) -> None:
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        async with (
            connect("listener", runtime=broker.runtime()) as peer,
            peer.subscribe(NumberedEvent, PeerLeftEvent) as events,
        ):
            with process(publish_numbers, broker.runtime()) as (child, mouth):
                accepted = await progress(mouth, 500)
                child.kill()
                numbers: list[int] = []
                async for event in events:
                    if isinstance(event, PeerLeftEvent):
                        assert (event.peer, event.said_bye) == ("publisher", False)
                        break
                    assert isinstance(event, NumberedEvent)
                    numbers.append(event.n)
            known = (await peer.request(BusStatisticsRequestEvent())).topics["app.numbered"]
            while len(numbers) < known:
                event = await anext(events)
                assert isinstance(event, NumberedEvent)
                numbers.append(event.n)
            assert numbers == list(range(known))
            assert known >= accepted
            with process(publish_numbers, broker.runtime()) as (_, mouth):
                await progress(mouth, 0)  # its successor is admitted under the same name


@pytest.mark.slow
async def test_a_stopped_subscriber_costs_the_others_nothing_and_recovers(tmp_path: Path) -> None:
    with (
        broker_process(broker_options("ipc", tmp_path, ring_limit_events=20_000)) as broker,
        process(listen, broker.runtime(), "stopped") as (stopped, stopped_ears),
    ):
        assert await report(stopped_ears) == "ready"
        async with (
            connect("listener", runtime=broker.runtime()) as listener,
            listener.subscribe(NumberedEvent) as events,
            connect("publisher", runtime=broker.runtime()) as publisher,
        ):
            await publish_and_hear(publisher, events, range(1000))
            assert await hear_until(stopped_ears, 999) == list(range(1000))
            os.kill(process_id(stopped), signal.SIGSTOP)
            before = broker.resident_bytes()
            await publish_and_hear(publisher, events, range(1000, 60_000))
            grown = broker.resident_bytes() - before
            assert grown < 64 * 1024 * 1024
            assert listener.statistics().lost == 0
            os.kill(process_id(stopped), signal.SIGCONT)
            heard = await hear_until(stopped_ears, 59_999)
            assert in_order_with_gaps_told(heard, 1000, 60_000)


def process_id(child: BaseProcess) -> int:
    assert child.pid is not None
    return child.pid


async def publish_and_hear(publisher: Peer, events: Any, numbers: range) -> None:
    """Publish one event after the other, and hear them all."""
    for n in numbers:
        await publisher.publish(NumberedEvent(n=n))
        await asyncio.sleep(0)
        if n % 500 == 499:
            assert [(await anext(events)).n for _ in range(500)] == list(range(n - 499, n + 1))


def in_order_with_gaps_told(heard: list[Any], first: int, last: int) -> bool:
    """Whether the numbers follow each other, where a gap counts for as many as it reports."""
    due = first
    for item in heard:
        if isinstance(item, tuple):
            due += item[1]
        elif item != due:
            return False
        else:
            due += 1
    return due == last


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
async def test_a_server_that_is_killed_with_a_request_in_hand_died_and_is_restarting(
    transport: str, tmp_path: Path
) -> None:
    with broker_process(broker_options(transport, tmp_path)) as broker:
        async with connect("asker", runtime=broker.runtime()) as asker:
            with process(serve_and_hold, broker.runtime()) as (server, pipe):
                assert await report(pipe) == "ready"
                asking = asyncio.ensure_future(asker.request(AskEvent(text="?"), GUARD_SECONDS))
                await report(pipe)
                server.kill()
                assert await kind_of(asking) == "died"
                assert await kind_of(asyncio.ensure_future(asker.request(AskEvent(text="?")))) == "restarting"
            async with connect("server", runtime=broker.runtime()) as again:
                await again.serve([AskEvent], answer)
                assert (await asker.request(AskEvent(text="?"))).text == "back"


def answer(request: IncomingRequest) -> None:
    request.reply(AnswerEvent(text="back"))


async def kind_of(asking: asyncio.Future[AnswerEvent]) -> str:
    with pytest.raises(RequestFailed) as caught:
        await asking
    return caught.value.kind


async def test_a_broker_that_is_killed_with_a_request_under_way_fails_it_as_died_and_servers_come_back(
    tmp_path: Path,
) -> None:
    with broker_process(broker_options("ipc", tmp_path)) as broker:
        async with (
            connect("asker", runtime=broker.runtime()) as asker,
            connect("server", runtime=broker.runtime()) as server,
        ):
            held: asyncio.Queue[IncomingRequest] = asyncio.Queue()
            await server.serve([AskEvent], held.put_nowait)
            asking = asyncio.ensure_future(asker.request(AskEvent(text="?"), GUARD_SECONDS))
            lost = await held.get()
            broker.kill()
            assert await kind_of(asking) == "died"
            broker.start()
            again = asyncio.ensure_future(ask_until_answered(asker))
            request = await held.get()
            assert lost.is_cancelled
            request.reply(AnswerEvent(text="back"))
            assert (await again).text == "back"


async def ask_until_answered(asker: Peer) -> AnswerEvent:
    while True:
        try:
            return await asker.request(AskEvent(text="?"), GUARD_SECONDS)
        except RequestFailed as failed:
            if failed.kind != "restarting":  # the next broker knows that servers are coming back
                raise


# -- who may not connect
# -----------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def refused(runtime: Runtime, error: type[Exception] = HelloRefused) -> AsyncIterator[None]:
    """Runs the block after a peer with this runtime was refused."""
    with pytest.raises(error):
        async with connect(
            "stranger", runtime=runtime, timeout_seconds=1.0 if error is NotRunning else GUARD_SECONDS
        ):
            pass
    yield


async def statistics(broker: BrokerProcess) -> BusStatisticsEvent:
    async with connect(runtime=broker.runtime()) as peer:
        return await peer.request(BusStatisticsRequestEvent())


async def test_ipc_sockets_lie_in_a_directory_that_is_ours_alone(tmp_path: Path) -> None:
    directory = tmp_path / "sockets"
    directory.mkdir(mode=0o755)
    with broker_process(broker_options("ipc", directory)):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert {path.name for path in directory.iterdir()} == {"lane", "feed"}


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
async def test_a_wrong_token_is_refused(transport: str, tmp_path: Path) -> None:
    with broker_process(broker_options(transport, tmp_path)) as broker:
        from msgspec.structs import replace

        async with refused(replace(broker.runtime(), token="guess")):
            assert (await statistics(broker)).refused == {"wrong_token": 1}


@pytest.mark.parametrize("wrong", ["server key", "client key"])
async def test_wrong_keys_are_refused_and_bring_nothing_over_the_feed_either(
    wrong: str, tmp_path: Path
) -> None:
    import zmq

    other = new_curve_secrets().for_clients()
    with broker_process(broker_options("tcp", tmp_path)) as broker:
        from msgspec.structs import replace

        runtime = broker.runtime()
        assert runtime.curve is not None
        if wrong == "server key":
            curve = replace(runtime.curve, server_public=other.server_public)
        else:
            curve = replace(
                runtime.curve, client_public=other.client_public, client_secret=other.client_secret
            )
        # without the server's public key nobody gets an answer
        async with refused(
            replace(runtime, curve=curve), NotRunning if wrong == "server key" else HelloRefused
        ):
            pass
        context = zmq.Context()
        feed = context.socket(zmq.SUB)
        feed.linger = 0
        feed.curve_serverkey = curve.server_public.encode()
        feed.curve_publickey, feed.curve_secretkey = (
            curve.client_public.encode(),
            curve.client_secret.encode(),
        )
        feed.subscribe(b"")
        monitor = feed.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_DISCONNECTED
        )
        feed.connect(runtime.feed)
        async with connect("friend", runtime=runtime) as friend, friend.subscribe(NumberedEvent) as events:
            assert monitor.poll(int(GUARD_SECONDS * 1000)), "the handshake fails"
            await friend.publish(NumberedEvent(n=1))
            assert await anext(events) == NumberedEvent(n=1)
            assert not feed.poll(0)
        feed.disable_monitor()
        context.destroy(linger=0)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
async def test_a_runtime_file_that_others_can_read_is_not_trusted(mode: int, tmp_path: Path) -> None:
    import msgspec

    path = tmp_path / "runtime.json"
    runtime = Runtime(
        app="x", pid=os.getpid(), started_at=0.0, lane="ipc:///nowhere", feed="ipc:///nowhere", token="t"
    )
    path.write_bytes(msgspec.json.encode(runtime))
    path.chmod(mode)
    with pytest.raises(NotRunning, match=f"mode is {mode:04o}, expected 0600"):
        read_runtime(path)
    path.chmod(0o600)
    assert read_runtime(path) == runtime


@pytest.mark.parametrize(
    "endpoint", ["tcp://0.0.0.0:*", "tcp://*:5000", "tcp://192.168.0.1:*", "tcp://[::]:*"]
)
def test_the_broker_does_not_listen_beyond_the_loopback(endpoint: str) -> None:
    with pytest.raises(UnsafeEndpoint, match="loopback"):
        prepare_endpoint(endpoint, has_keys=True)


def test_the_broker_does_not_listen_on_tcp_without_keys() -> None:
    with pytest.raises(UnsafeEndpoint, match="CURVE"):
        prepare_endpoint("tcp://127.0.0.1:*", has_keys=False)


# -- clients that do not speak the protocol
# --------------------------------------------------------------------------


async def test_a_frame_beyond_the_limit_costs_its_sender_the_connection_and_the_broker_lives(
    tmp_path: Path,
) -> None:
    import zmq

    with broker_process(broker_options("ipc", tmp_path)) as broker:
        async with connect("witness", runtime=broker.runtime()) as witness:
            before = broker.resident_bytes()
            context = zmq.Context()
            lane = context.socket(zmq.DEALER)
            lane.linger = 0
            monitor = lane.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            lane.connect(broker.runtime().lane)
            lane.send_multipart(
                wire.lane_frames(
                    wire.HelloHeader(wire.PROTOCOL_VERSION, "greedy", "instance-of-greedy", "token")
                )
            )
            assert lane.recv_multipart()[0] == b"WELCOME"
            lane.send_multipart([b"PUBLISH", b"\x94\x01\xa5app.x\x01\x01", bytes(17 * 1024 * 1024)])
            assert monitor.poll(int(GUARD_SECONDS * 1000)), "the connection is dropped"
            lane.disable_monitor()
            context.destroy(linger=0)
            while any(
                peer.peer == "greedy" for peer in (await witness.request(BusStatisticsRequestEvent())).peers
            ):
                pass
            assert broker.resident_bytes() - before < 32 * 1024 * 1024
            assert witness.welcomes == 1


@pytest.mark.slow
async def test_garbage_and_half_open_connections_leave_the_broker_unmoved(tmp_path: Path) -> None:
    with broker_process(broker_options("tcp", tmp_path)) as broker:
        async with connect("witness", runtime=broker.runtime()) as witness:
            await witness.request(BusStatisticsRequestEvent())
            before = broker.resident_bytes()
            done = threading.Event()
            open_sockets: list[socket.socket] = []

            def attack() -> None:
                for name in ("lane", "feed"):
                    host, port = getattr(broker.runtime(), name).removeprefix("tcp://").split(":")
                    for i in range(200):
                        half = socket.create_connection((host, int(port)))
                        open_sockets.append(half)
                        with contextlib.suppress(OSError):  # the broker may have closed the connection
                            half.sendall(
                                [
                                    b"",
                                    b"GET / HTTP/1.1\r\n\r\n",
                                    b"\xff" + bytes(8) + b"\x7f",
                                    os.urandom(64),
                                    b"\xff" * 4096,
                                ][i % 5]
                            )
                done.set()

            thread = threading.Thread(target=attack)
            thread.start()
            async with witness.subscribe(NumberedEvent) as events:
                n = 0
                while not done.is_set():
                    await witness.publish(NumberedEvent(n=n))
                    assert await anext(events) == NumberedEvent(n=n)
                    n += 1
            thread.join()
            assert n > 0
            assert (await witness.request(BusStatisticsRequestEvent())).refused == {}
            for half in open_sockets:
                half.close()
            assert broker.resident_bytes() - before < 32 * 1024 * 1024
            async with connect("newcomer", runtime=broker.runtime()):
                pass
            assert witness.welcomes == 1


def test_a_broker_options_struct_names_its_ring() -> None:
    options = BrokerOptions(lane="ipc:///x", feed="ipc:///y", token="t", roster=Roster())
    assert options.ring_limit_events == 65_536
