"""Drives the asyncio Python client: one command a line on stdin, one outcome a line on stdout, both JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

sys.path.append(str(Path(__file__).parents[3]))

from tests.clients.json_values import from_json, to_json
from undercroft_client import (
    ClientError,
    Followed,
    Refused,
    Runtime,
    aio,
    read_runtime,
    runtime_path,
    sockets,
)


class Driver:
    def __init__(self) -> None:
        self._client: aio.Client | None = None
        self._subscriptions: dict[str, aio.Subscription] = {}
        self._followed: dict[str, AsyncIterator[Followed]] = {}
        self._epoch = ""
        self._answered = 0

    @property
    def client(self) -> aio.Client:
        assert self._client is not None, "the scenario has to connect first"
        return self._client

    async def find(self, app: str = "undercroft", home: str | None = None) -> Any:
        return read_runtime(runtime_path(app, home))

    async def connect(
        self, name: str | None = None, runtime: dict[str, Any] | None = None, **options: Any
    ) -> None:
        given = msgspec.convert(runtime, Runtime) if runtime else None
        self._client = await aio.connect(name, runtime=given, **options).__aenter__()
        self._epoch = self.client.epoch

    async def status(self) -> dict[str, Any]:
        client = self.client
        return {
            "role": client.role,
            "instance": client.instance,
            "behind": client.behind,
            "unreadable": client.undecodable,
        }

    async def subscribe(self, *patterns: str, into: str = "main") -> None:
        self._subscriptions[into] = await self.client.subscribe(*patterns)

    async def unsubscribe(self, of: str = "main") -> None:
        self._subscriptions.pop(of).close()

    async def take(self, count: int, of: str = "main", correlations: bool = False) -> list[Any]:
        subscription = self._subscriptions[of]
        events = [(await subscription.next(), subscription.correlation) for _ in range(count)]
        return [{"event": event, "correlation": id} if correlations else event for event, id in events]

    async def follow(
        self, request: dict[str, Any], *patterns: str, into: str = "main", **options: Any
    ) -> None:
        self._followed[into] = self.client.ask_then_follow(request, *patterns, **options)

    async def take_followed(self, count: int, of: str = "main") -> list[Any]:
        items = [await anext(self._followed[of]) for _ in range(count)]
        return [{item.kind: item.event} for item in items]

    async def publish(self, *events: dict[str, Any], **options: Any) -> None:
        await self.client.publish(*events, **options)

    async def withdraw(self, topic: str, key: str) -> None:
        await self.client.withdraw(topic, key)

    async def request(self, event: dict[str, Any], timeout_seconds: float = 5.0, **options: Any) -> Any:
        return await self.client.request(event, timeout_seconds, **options)

    async def serve(self, topic: str, how: str = "echo") -> None:
        await self.client.serve(topic, self._handler(how))

    async def answer(self, count: int) -> None:
        await self.client.wait_for(lambda: self._answered >= count)

    async def rejoin(self) -> None:
        await self.client.wait_for(lambda: self.client.is_connected and self.client.epoch != self._epoch)
        self._epoch = self.client.epoch

    async def pass_time(self, seconds: float) -> None:
        sockets.time = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds)  # type: ignore[attr-defined]

    async def leave(self, returning: bool = False) -> None:
        if self._client is not None:
            await self._client.close(returning=returning)

    def _handler(self, how: str) -> Callable[[Any], Awaitable[dict[str, Any]]]:
        async def handle(request: Any) -> dict[str, Any]:
            self._answered += 1
            match how:
                case "refuse":
                    raise Refused("not today")
                case "large":
                    return {"type": "app.answer", "filler": bytes(17 * 1024 * 1024)}
                case "publish":
                    await self.client.publish({"type": "app.noted"})
                case "ask":
                    return await self.client.request({"type": "app.other"})  # type: ignore[no-any-return]  # a map, as the scenario says
            return {"type": "app.answer", "text": request["text"]}

        return handle


async def outcome_of(driver: Driver, command: dict[str, Any]) -> dict[str, Any]:
    try:
        found = await getattr(driver, command["do"])(*from_json(command["of"]), **from_json(command["with"]))
        return {"gives": to_json(msgspec.to_builtins(found, builtin_types=(bytes,)))}
    except ClientError as error:
        return {"fails": {"error": type(error).__name__, **vars(error)}}
    except TimeoutError:
        return {"fails": {"error": "TimeoutError"}}


async def main() -> None:
    driver = Driver()
    lines = asyncio.StreamReader(limit=32 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        outcome = await outcome_of(driver, json.loads(line))
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()
    await driver.leave()


if __name__ == "__main__":
    asyncio.run(main())
