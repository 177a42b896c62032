"""Drives the asyncio Python client: one command a line on stdin, one outcome a line on stdout, both JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from undercroft_client import ClientError, Refused, Runtime, aio, read_runtime, runtime_path


class Driver:
    def __init__(self) -> None:
        self._client: aio.Client | None = None
        self.subscriptions: dict[str, aio.Subscription] = {}
        self.epoch = ""
        self.answered = 0

    @property
    def client(self) -> aio.Client:
        assert self._client is not None, "the scenario has to connect first"
        return self._client

    async def find(self, app: str = "undercroft", home: str | None = None) -> Any:
        return read_runtime(runtime_path(app, home))

    async def connect(
        self, name: str | None = None, runtime: dict[str, Any] | None = None, **where: Any
    ) -> None:
        given = msgspec.convert(runtime, Runtime) if runtime else None
        self._client = await aio.connect(name, runtime=given, **where).__aenter__()
        self.epoch = self.client.epoch

    async def subscribe(self, *patterns: str, into: str = "main") -> None:
        self.subscriptions[into] = await self.client.subscribe(*patterns)

    async def take(self, count: int, of: str = "main") -> list[Any]:
        return [await self.subscriptions[of].next() for _ in range(count)]

    async def publish(self, *events: dict[str, Any], key: str | None = None) -> None:
        await self.client.publish(*events, key=key)

    async def request(self, event: dict[str, Any], timeout_seconds: float = 5.0) -> Any:
        return await self.client.request(event, timeout_seconds)

    async def serve(self, topic: str, how: str = "echo") -> None:
        await self.client.serve(topic, self._handler(how))

    async def answer(self, count: int) -> None:
        await self.client.wait_for(lambda: self.answered >= count)

    async def rejoin(self) -> None:
        await self.client.wait_for(lambda: self.client.is_connected and self.client.epoch != self.epoch)
        self.epoch = self.client.epoch

    async def leave(self, returning: bool = False) -> None:
        if self._client is not None:
            await self._client.close(returning=returning)

    def _handler(self, how: str) -> Callable[[Any], Awaitable[dict[str, Any]]]:
        async def handle(request: Any) -> dict[str, Any]:
            self.answered += 1
            if how == "refuse":
                raise Refused("not today")
            return {"type": "app.answer", "text": request["text"]}

        return handle


async def main() -> None:
    driver = Driver()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command = json.loads(line)
        try:
            outcome = {"gives": await getattr(driver, command["do"])(*command["of"], **command["with"])}
        except ClientError as error:
            outcome = {"fails": {"error": type(error).__name__, **vars(error)}}
        sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
        sys.stdout.flush()
    await driver.leave()


asyncio.run(main())
