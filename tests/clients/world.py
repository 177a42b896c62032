"""The runtime around a client under test: a broker process, its runtime file, and other peers."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bus import wire
from bus.broker.roster import Roster
from bus.client import IncomingRequest, Peer, attach, unique_name
from bus.errors import RequestFailed
from bus.peer.feed.subscription import Subscription
from bus.transport.sockets.curve_keys import new_curve_secrets
from bus.transport.sockets.socket_transport import SocketTransport
from bus.transport.transport import TransportHandlers
from tests.clients.proxy import LosingFeed
from tests.support.broker_processes import GUARD_SECONDS, BrokerProcess, broker_options
from tests.support.event_samples import AnswerEvent, AskEvent, NumberedEvent, StateEvent
from tests.support.other_user import STRANGER

IN_HAND_LIMIT = 1024
"""So many requests a server may have in hand, says the protocol page."""

EVENT_TYPES = {"app.numbered": NumberedEvent, "app.state": StateEvent, "app.ask": AskEvent}


class WorldOptions(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a scenario says of its broker, as `BrokerOptions` has it."""

    ring_limit_events: int | None = None
    namespaces: list[str] | None = None
    roster: Roster | None = None

    def given(self) -> dict[str, Any]:
        """Those options that are given."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}


class World:
    """What a scenario does to the client under test. Every public method is a step of `scenarios.json`."""

    def __init__(
        self,
        stack: contextlib.AsyncExitStack,
        directory: Path,
        transport: str,
        options: dict[str, Any],
        *,
        is_lossy: bool,
    ) -> None:
        self._stack = stack
        self._directory = directory
        self._transport = transport
        self._options = msgspec.convert(options, WorldOptions).given()
        self._broker = BrokerProcess(broker_options(transport, directory / "first", **self._options))
        self._broker.start()
        stack.callback(lambda: self._broker.is_alive() and self._broker.kill())
        self._proxy = (
            stack.enter_context(LosingFeed(self._broker.options.feed, f"ipc://{directory}/lossy"))
            if is_lossy
            else None
        )
        self._peers: dict[str, Peer] = {}
        self._subscription: Subscription[Any] | None = None
        self._asking: asyncio.Future[Any] | None = None
        self._requested = asyncio.Event()
        self.write_runtime()

    @property
    def home(self) -> Path:
        return self._directory / "home"

    @property
    def file(self) -> Path:
        return self.home / "state" / "runtime.json"

    def runtime(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        """What runtime.json says, with changes; `{"curve": "other"}` stands for keys of another runtime."""
        changed = {**msgspec.to_builtins(self._broker.runtime()), **(changes or {})}
        if self._proxy is not None:
            changed["feed"] = self._proxy.endpoint
        if changed["curve"] == "other":
            keys = msgspec.to_builtins(new_curve_secrets().for_clients())
            changed["curve"] = {
                **keys,
                "server_public": msgspec.to_builtins(self._broker.runtime())["curve"]["server_public"],
            }
        return changed

    def write_runtime(self, mode: int = 0o600, **changes: Any) -> None:
        """Write runtime.json, below the home and where Linux keeps the state of the app `imaginary`."""
        for path in (self.file, self._directory / "xdg" / "imaginary" / "runtime.json"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(msgspec.json.encode(self.runtime(changes)))
            path.chmod(mode)

    # -- the broker
    # ------------------------------------------------------------------------------------------------

    async def kill_broker(self) -> None:
        self._broker.kill()

    async def start_broker(self) -> None:
        self._broker.start()

    async def change_file(self, **changes: Any) -> None:
        self.write_runtime(**changes)

    async def spoil_file(self, by: str) -> None:
        """Leave something else in the place of runtime.json, with the same content where it has one."""
        self._clear_file()
        self.write_runtime()
        elsewhere = self._directory / "elsewhere"
        elsewhere.unlink(missing_ok=True)
        match by:
            case "link":
                self.file.rename(elsewhere)
                self.file.symlink_to(elsewhere)
            case "pipe":
                self.file.unlink()
                os.mkfifo(self.file, 0o600)
            case "directory":
                self.file.unlink()
                self.file.mkdir()
            case "second_name":
                os.link(self.file, elsewhere)
            case "size":
                self.file.write_bytes(self.file.read_bytes() + b" " * 64 * 1024)

    def _clear_file(self) -> None:
        if self.file.is_dir():
            self.file.rmdir()
        else:
            self.file.unlink(missing_ok=True)

    async def set_mode(self, path: str, mode: str) -> None:
        """Give a directory another mode, in octal digits. `first` has the sockets."""
        (self._directory / path).chmod(int(mode, 8))

    async def give_away(self, path: str, to: int = STRANGER) -> None:
        """Make a file or directory that of another user. Takes root."""
        os.chown(self._directory / path, to, to)

    async def move_broker(self) -> None:
        """The runtime ends, and another one with another token listens elsewhere."""
        self._broker.kill()
        options = msgspec.structs.replace(
            broker_options(self._transport, self._directory / "second", **self._options),
            token="another token",
        )
        self._broker = BrokerProcess(options)
        self._broker.start()
        self._peers.clear()
        self.write_runtime()

    async def hear_subscription(self) -> None:
        """The feed knows what the client under test wants to hear."""
        assert self._proxy is not None, "the scenario has to say that its feed is lossy"
        assert await asyncio.to_thread(self._proxy.has_subscriber.wait, GUARD_SECONDS)

    async def lose(self, topic: str, *numbers: int, heartbeats: bool = False) -> None:
        """Lose feed messages on their way to the client under test; its heartbeats as well, if so told."""
        assert self._proxy is not None, "the scenario has to say that its feed is lossy"
        self._proxy.lose(topic, list(numbers), heartbeats=heartbeats)

    # -- other peers
    # -----------------------------------------------------------------------------------------------

    async def _peer(self, name: str) -> Peer:
        if name not in self._peers:
            transport = SocketTransport(self._broker.runtime())
            self._peers[name] = await self._stack.enter_async_context(
                attach(transport, name, self._broker.options.token)
            )
        return self._peers[name]

    async def join(self, name: str) -> None:
        """Another peer is there."""
        await self._peer(name)

    async def publish(self, *events: dict[str, Any], by: str = "publisher") -> None:
        """Publish events, each in a message of its own."""
        peer = await self._peer(by)
        for event in events:
            await peer.publish(msgspec.convert(event, EVENT_TYPES[event["type"]]))
            await peer.settled()

    async def subscribe(self, *patterns: str) -> None:
        peer = await self._peer("listener")
        self._subscription = await self._stack.enter_async_context(peer.subscribe(*patterns))

    async def take(self, count: int) -> list[Any]:
        assert self._subscription is not None
        return [msgspec.to_builtins(await anext(self._subscription)) for _ in range(count)]

    async def ask(self, event: dict[str, Any], timeout_seconds: float = 10.0) -> None:
        """Ask; `outcome` tells what came of it."""
        peer = await self._peer("asker")
        self._asking = asyncio.ensure_future(peer.request_raw(event["type"], event, timeout_seconds))
        await asyncio.sleep(0)

    async def outcome(self) -> Any:
        assert self._asking is not None
        return await self._asking

    async def serve(self, how: str) -> None:
        """Answer `app.ask`: `echo`, `tell` (publish first), `refuse`, `invalid` or `hold` (say nothing)."""
        peer = await self._peer("server")

        def on_request(request: IncomingRequest) -> None:
            text = msgspec.msgpack.decode(request.body)["text"]
            self._requested.set()
            match how:
                case "echo":
                    request.reply(AnswerEvent(text=text))
                case "tell":  # what it publishes just before is in the reply
                    peer.post(NumberedEvent(n=0))
                    request.reply(AnswerEvent(text=text))
                case "refuse":
                    request.fail("refused", "not today")
                case "invalid":
                    request.fail("invalid", "it makes no sense")

        await peer.serve([AskEvent], on_request)

    async def serve_and_vanish(self) -> None:
        """Serve `app.ask`, and end without a word once there is a request in hand."""
        is_serving = asyncio.Event()

        def on_lane(transport: SocketTransport, header: wire.LaneHeader) -> None:
            match header:
                case wire.WelcomeHeader():
                    transport.send(wire.lane_frames(wire.ServeHeader(["app.ask"])))
                case wire.ServeHeader():
                    is_serving.set()
                case wire.RequestHeader():
                    transport.close()

        self._speak("instance-of-vanishing", on_lane)
        await is_serving.wait()

    async def publish_numbered(self, first: int, *events: dict[str, Any]) -> None:
        """Publish a run as a peer that counts its events from `first` on, and publishes nothing twice."""
        is_accepted = asyncio.Event()

        def on_lane(transport: SocketTransport, header: wire.LaneHeader) -> None:
            match header:
                case wire.WelcomeHeader():
                    publish = wire.PublishHeader(first, events[0]["type"], len(events), first, again=True)
                    transport.send(wire.lane_frames(publish, wire.encode(list(events))))
                case wire.AcceptedHeader():
                    is_accepted.set()
                    transport.close()

        self._speak("instance-that-forgets", on_lane)
        await is_accepted.wait()

    def _speak(self, instance: str, on_lane: Callable[[SocketTransport, wire.LaneHeader], None]) -> None:
        """Say HELLO, and whatever `on_lane` says to what comes in."""
        transport = SocketTransport(self._broker.runtime())
        self._stack.callback(transport.close)
        hello = wire.HelloHeader(
            wire.PROTOCOL_VERSION, f"raw-{instance}", instance, self._broker.options.token
        )
        transport.start(
            TransportHandlers(
                connected=lambda: transport.send(wire.lane_frames(hello)),
                disconnected=lambda: None,
                lane=lambda frames: on_lane(transport, wire.read_from_broker(frames)),
                feed=lambda frames: True,
                welcomed=lambda: None,
                denied=lambda reason, detail: None,
            )
        )

    async def publish_raw(self, topic: str, *events: str) -> None:
        """Publish a run of events that are given in hexadecimal."""
        is_accepted = asyncio.Event()
        body = msgspec.msgpack.encode([msgspec.Raw(bytes.fromhex(event)) for event in events])

        def on_lane(transport: SocketTransport, header: wire.LaneHeader) -> None:
            match header:
                case wire.WelcomeHeader():
                    publish = wire.PublishHeader(1, topic, len(events), 1)
                    transport.send(wire.lane_frames(publish, body))
                case wire.AcceptedHeader():
                    is_accepted.set()
                    transport.close()

        self._speak("instance-without-manners", on_lane)
        await is_accepted.wait()

    async def answer_raw(self, event: str) -> None:
        """Serve `app.ask` with an answer that is given in hexadecimal."""
        is_serving = asyncio.Event()

        def on_lane(transport: SocketTransport, header: wire.LaneHeader) -> None:
            match header:
                case wire.WelcomeHeader():
                    transport.send(wire.lane_frames(wire.ServeHeader(["app.ask"])))
                case wire.ServeHeader():
                    is_serving.set()
                case wire.RequestHeader():
                    transport.send(wire.lane_frames(wire.ReplyHeader(header.id), bytes.fromhex(event)))

        self._speak("instance-without-manners", on_lane)
        await is_serving.wait()

    async def wait_for_request(self) -> None:
        """The server has a request in hand."""
        await self._requested.wait()

    async def numbers(self, topic: str) -> int:
        """How many events of a topic the broker has ordered in this epoch."""
        return int((await self._statistics())["topics"][topic])

    async def serves_again(self) -> None:
        """Whoever serves `app.ask` has come back to the broker."""
        while not any("app.ask" in peer["serves"] for peer in (await self._statistics())["peers"]):
            pass

    async def _statistics(self) -> dict[str, Any]:
        observer = await self._peer("observer")
        statistics: dict[str, Any] = await observer.request_raw("bus.statistics", {"type": "bus.statistics"})
        return statistics

    async def leave(self, name: str, returning: bool = False) -> None:
        """A peer leaves, and the broker knows it."""
        self._peers.pop(name).close(returning=returning)
        while any(peer["peer"] == name for peer in (await self._statistics())["peers"]):
            pass

    async def fill_hands(self) -> None:
        """The server gets as many requests as it may have in hand."""
        asker = await self._peer(unique_name("asker"))
        requests = [
            asyncio.ensure_future(asker.request(AskEvent(text="?"), 30.0)) for _ in range(IN_HAND_LIMIT)
        ]
        self._stack.push_async_callback(_end, requests)
        while (await self._statistics())["pending_requests"] < IN_HAND_LIMIT:
            pass


async def _end(requests: list[asyncio.Future[Any]]) -> None:
    for request in requests:
        request.cancel()
    for request in requests:
        with contextlib.suppress(asyncio.CancelledError, RequestFailed):
            await request
