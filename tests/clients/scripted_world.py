"""A broker without rules of its own: the scenario decides what it says, and sees what the client says."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import zmq
import zmq.asyncio
from zmq.utils.monitor import recv_monitor_message

from bus import wire
from bus.discovery import Runtime
from tests.clients.json_values import from_json, to_json

PUBLIC_INSTANCE = "0000000000000000"
EPOCH = "e1"
HEADS = "HEADS"
"""What a SNAPSHOT for the heads alone is called here. It is answered at once, with the heads that are set."""


class ScriptedWorld:
    """Speaks the frames that a scenario asks for. Every public coroutine is a step of a scripted scenario."""

    def __init__(self, stack: contextlib.AsyncExitStack, directory: Path, *, accepts: bool = True) -> None:
        self._directory = directory
        self._context = zmq.asyncio.Context()
        self._lane_endpoint, self._feed_endpoint = f"ipc://{directory}/lane", f"ipc://{directory}/feed"
        self._epoch, self._heads, self._accepts, self._accepted = EPOCH, dict[str, int](), accepts, 0
        self._route = b""
        self._said: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        self._ids: defaultdict[str, list[int]] = defaultdict(list)
        self._pongs: set[int] = set()
        self._instances: list[str] = []
        self._publish_sizes: list[int] = []
        self._subscribed: set[bytes] = set()
        self._progress = asyncio.Condition()
        self._ping_id = 1000
        self._feed = self._context.socket(zmq.XPUB)
        self._feed.setsockopt(zmq.XPUB_WELCOME_MSG, wire.WELCOME_FRAME)
        self._feed.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._feed.bind(self._feed_endpoint)
        self._connections = 0
        self._error: Exception | None = None
        self._lane, self._monitor = self._bound_lane()
        self._tasks = [asyncio.create_task(self._hear_feed()), *self._lane_tasks()]
        stack.push_async_callback(self._close)
        self.write_runtime()

    @property
    def home(self) -> Path:
        return self._directory / "home"

    def runtime(self, changes: dict[str, Any] | None = None) -> dict[str, Any]:
        """What runtime.json says, with changes."""
        runtime = Runtime(
            app="test",
            pid=os.getpid(),
            started_at=0.0,
            lane=self._lane_endpoint,
            feed=self._feed_endpoint,
            token="token",
        )
        return {**msgspec.to_builtins(runtime), **(changes or {})}

    def write_runtime(self, path: Path | None = None, **changes: Any) -> None:
        """Write runtime.json."""
        path = path or self.home / "state" / "runtime.json"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.encode(self.runtime(changes)))

    # -- what the client said

    async def hear(self, verb: str) -> dict[str, Any]:
        """The next message of this verb: its header by field, and its events."""
        await self._until(lambda: bool(self._said[verb]))
        found = self._said[verb].popleft()
        self._ids[verb].append(found.get("id", found.get("serial", 0)))
        return found

    async def said(self, verb: str) -> list[dict[str, Any]]:
        """All messages of this verb that were not heard yet, once the client has nothing more to say."""
        await self.settle()
        found: list[dict[str, Any]] = []
        while self._said[verb]:
            found.append(await self.hear(verb))
        return found

    async def said_until_it_left(self, verb: str) -> list[dict[str, Any]]:
        """All messages of this verb that were not heard yet, once the client has no connection any more."""
        await self._until(lambda: self._connections == 0)
        while await self._lane.poll(0):
            await asyncio.sleep(0)
        return list(self._said[verb])

    async def settle(self) -> None:
        """The client has answered everything that it was told, as far as its PONGs show."""
        quiet_rounds = 0
        while quiet_rounds < 2:  # what follows from the last message may be said behind the first PONG
            before = self._count()
            self._ping_id += 1
            await self.say("PING", self._ping_id)
            await self._until(lambda: self._ping_id in self._pongs)
            quiet_rounds = quiet_rounds + 1 if self._count() == before else 0

    async def same_life(self) -> bool:
        """Whether the client says HELLO as the peer that it was before; it is admitted."""
        before = self._instances[-1]
        return bool(before == (await self.admit())["instance"])

    async def cancels_the_request(self) -> bool:
        """Whether the request that was heard last is cancelled."""
        return bool((await self.hear("CANCEL"))["id"] == self._ids["REQUEST"][-1])

    async def publish_sizes(self) -> list[int]:
        """Sizes of the bodies that were published, in bytes."""
        await self.settle()
        return self._publish_sizes

    # -- what the broker says on the lane

    async def admit(self, epoch: str | None = None, accepted: int = 0, role: str = "guest") -> dict[str, Any]:
        """Hear HELLO, and say WELCOME."""
        hello = await self.hear("HELLO")
        self._instances.append(hello["instance"])
        self._epoch = epoch or self._epoch
        await self.say("WELCOME", wire.PROTOCOL_VERSION, self._epoch, accepted, 0, PUBLIC_INSTANCE, role)
        return hello

    async def refuse(self, reason: str) -> None:
        """Hear HELLO, and refuse it."""
        await self.hear("HELLO")
        await self.say("FAILED", 0, "refused", f"{reason}: the scenario says so", "HELLO")

    async def say(
        self,
        verb: str,
        *header: Any,
        event: Any = None,
        raw: str | None = None,
        runs: list[dict[str, Any]] | None = None,
    ) -> None:
        """Say this. The body: an event, raw bytes in hexadecimal, or runs."""
        body = [] if event is None else [msgspec.msgpack.encode(from_json(event))]
        body += [] if raw is None else [bytes.fromhex(raw)]
        body += [frame for run in runs or [] for frame in self._run(run)]
        frames = [verb.encode(), msgspec.msgpack.encode(from_json(list(header))), *body]
        await self._lane.send_multipart([self._route, *frames])

    async def say_frames(self, *frames: str) -> None:
        """Say these frames on the lane, each in hexadecimal."""
        await self._lane.send_multipart([self._route, *map(bytes.fromhex, frames)])

    async def snapshot(
        self,
        *runs: dict[str, Any],
        heads: dict[str, int] | None = None,
        sequence: int = 0,
        next: int = 0,
        epoch: str | None = None,
    ) -> None:
        """Answer the SNAPSHOT that was heard last."""
        header = [self._ids["SNAPSHOT"][-1], epoch or self._epoch, sequence, heads or {}, next]
        await self.say("SNAPSHOT", *header, runs=list(runs))

    async def replay(
        self,
        *runs: dict[str, Any],
        topic: str = "app.numbered",
        lost: int = 0,
        next: int,
        epoch: str = "",
        to: int = -1,
    ) -> None:
        """Answer the REPLAY that was heard last, or an earlier one (`to`: -2, -3)."""
        header = [self._ids["REPLAY"][to], topic, lost, next, epoch or self._epoch]
        await self.say("REPLAY", *header, runs=list(runs))

    async def reply(
        self,
        event: Any = None,
        raw: str | None = None,
        sequence: int = 0,
        source: str = "server",
        epoch: str | None = None,
    ) -> None:
        """Answer the REQUEST that was heard last."""
        header = [self._ids["REQUEST"][-1], epoch or self._epoch, sequence, source]
        await self.say("REPLY", *header, event=event, raw=raw)

    async def fail(self, verb: str, message: str, kind: str = "refused") -> None:
        """Refuse the message of this verb that was heard last."""
        await self.say("FAILED", self._ids[verb][-1], kind, message, verb)

    async def accept_nothing(self) -> None:
        """From now on a message has its place only if the scenario says so."""
        self._accepts = False

    async def accept(self, serial: int, behind: int = 0) -> None:
        """Every message up to this serial has its place."""
        self._accepted = serial
        await self.say("ACCEPTED", serial, behind)

    async def cut_lane(self) -> None:
        """The lane loses its connection; the broker lives."""
        await _end(self._tasks[1:])
        self._close_lane()
        self._connections = 0
        self._lane, self._monitor = self._bound_lane()
        self._tasks[1:] = self._lane_tasks()

    async def wait_connected(self) -> None:
        """The lane has a connection."""
        await self._until(lambda: self._connections > 0)

    async def set_mode(self, mode: str) -> None:
        """Give the directory of the sockets another mode, in octal digits."""
        self._directory.chmod(int(mode, 8))

    # -- the feed

    async def set_heads(self, **heads: int) -> None:
        """From now on these are the heads for those who ask for them alone."""
        self._heads = {topic.replace("__", "."): head for topic, head in heads.items()}

    async def feed(self, *runs: dict[str, Any]) -> None:
        """Say these runs on the feed, once somebody hears them."""
        for run in runs:
            topic, header, body = self._run(run)
            await self._until(partial(self._is_heard, topic))
            await self._feed.send_multipart([topic, header, body])

    async def feed_frames(self, *frames: str) -> None:
        """Say these frames on the feed, each in hexadecimal."""
        await self._feed.send_multipart(list(map(bytes.fromhex, frames)))

    async def flood(self, count: int, topic: str = "app.numbered", first: int = 1) -> None:
        """Say so many events on the feed, in runs of 1,024."""
        for number in range(first, first + count, 1024):
            size = min(1024, first + count - number)
            events = [{"type": topic, "n": number + index} for index in range(size)]
            await self.feed({"topic": topic, "number": number, "events": events})

    async def heartbeat(self, heads: dict[str, int], epoch: str | None = None, times: int = 1) -> None:
        """Say the newest number of each topic."""
        await self._until(lambda: wire.HEARTBEAT_TOPIC in self._subscribed)
        header = msgspec.msgpack.encode([epoch or self._epoch, 0])
        for _ in range(times):
            await self._feed.send_multipart([wire.HEARTBEAT_TOPIC, header, msgspec.msgpack.encode(heads)])

    async def feed_heard(self) -> None:
        """The client has taken all that the feed brought so far: it asks for heads after `!welcome`."""
        for _ in range(2):  # the first answer may be to the welcome of the connection itself
            await self.settle()
            self._said[HEADS].clear()
            await self._feed.send_multipart([wire.WELCOME_FRAME])
            await self.hear(HEADS)
        await self.settle()

    # -- the sockets

    def _bound_lane(self) -> tuple[zmq.asyncio.Socket, zmq.asyncio.Socket]:
        lane = self._context.socket(zmq.ROUTER)
        monitor = lane.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        lane.bind(self._lane_endpoint)
        return lane, monitor

    def _lane_tasks(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._hear_lane()), asyncio.create_task(self._watch_lane())]

    async def _hear_lane(self) -> None:
        while True:
            route, *frames = await self._lane.recv_multipart()
            try:
                await self._take(route, frames[0].decode(), frames)
            except Exception as error:
                self._error = error  # the next step raises it
            await self._notify()

    async def _watch_lane(self) -> None:
        while True:
            event = (await recv_monitor_message(self._monitor))["event"]
            self._connections += 1 if event == zmq.EVENT_HANDSHAKE_SUCCEEDED else -1
            await self._notify()

    async def _take(self, route: bytes, verb: str, frames: list[bytes]) -> None:
        header = wire.read_from_peer(frames)
        found = to_json(msgspec.structs.asdict(header))
        if len(frames) > 2:
            found["events"] = to_json(msgspec.msgpack.decode(frames[2]))
        if isinstance(header, wire.HelloHeader):
            self._route = route
        elif isinstance(header, wire.PublishHeader):
            self._publish_sizes.append(len(frames[2]))
            if self._accepts:
                await self.accept(max(self._accepted, header.serial))
        elif isinstance(header, wire.PingHeader):
            await self.say("PONG", header.id, self._epoch, self._accepted)
        elif isinstance(header, wire.PongHeader):
            self._pongs.add(header.id)
        elif isinstance(header, wire.ServeHeader):
            await self.say("SERVE", header.topics)
        elif isinstance(header, wire.SnapshotHeader) and header.heads_only:
            verb = HEADS
            await self.say("SNAPSHOT", header.id, self._epoch, 0, self._heads, 0)
        self._said[verb].append(found)

    async def _hear_feed(self) -> None:
        while True:
            (frame,) = await self._feed.recv_multipart()
            if frame[:1] == b"\x01":
                self._subscribed.add(frame[1:])
            await self._notify()

    async def _notify(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: self._error is not None or is_so())
        if self._error is not None:
            raise AssertionError("the client said something that cannot be read") from self._error

    def _is_heard(self, topic: bytes) -> bool:
        return any(map(topic.startswith, self._subscribed))

    def _count(self) -> int:
        return sum(len(found) for verb, found in self._said.items() if verb not in ("PING", "PONG"))

    def _run(self, run: dict[str, Any]) -> list[bytes]:
        """The three frames of a run."""
        events = [
            msgspec.Raw(bytes.fromhex(event["$raw"]))
            if isinstance(event, dict) and "$raw" in event
            else msgspec.Raw(msgspec.msgpack.encode(from_json(event)))
            for event in run["events"]
        ]
        number = run["number"]
        header = wire.Run(
            run.get("epoch", self._epoch),
            run.get("sequence", number),
            number,
            run.get("count", len(events)),
            0,
            run.get("source", "publisher"),
            run.get("instance", "1111111111111111"),
            run.get("first", number),
            run.get("key"),
            run.get("correlation"),
        )
        body = bytes.fromhex(run["body"]) if "body" in run else msgspec.msgpack.encode(events)
        return [run.get("topic", "app.numbered").encode(), msgspec.msgpack.encode(header), body]

    def _close_lane(self) -> None:
        self._lane.disable_monitor()
        self._monitor.close(linger=0)
        self._lane.close(linger=0)

    async def _close(self) -> None:
        await _end(self._tasks)
        self._close_lane()
        self._feed.close(linger=0)
        self._context.term()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
