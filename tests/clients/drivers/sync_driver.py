"""Drives the synchronous Python client: a JSON command on each line of stdin, its outcome on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec

import undercroft_client
from undercroft_client import Client, ClientError, Refused, Runtime, Subscription, read_runtime, runtime_path


class Driver:
    def __init__(self) -> None:
        self._client: Client | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.epoch = ""
        self.answered = 0

    @property
    def client(self) -> Client:
        assert self._client is not None, "the scenario has to connect first"
        return self._client

    def find(self, app: str = "undercroft", home: str | None = None) -> Any:
        return read_runtime(runtime_path(app, home))

    def connect(self, name: str | None = None, runtime: dict[str, Any] | None = None, **where: Any) -> None:
        given = msgspec.convert(runtime, Runtime) if runtime else None
        self._client = undercroft_client.connect(name, runtime=given, **where)
        self.epoch = self.client.epoch

    def subscribe(self, *patterns: str, into: str = "main") -> None:
        self.subscriptions[into] = self.client.subscribe(*patterns)

    def take(self, count: int, of: str = "main") -> list[Any]:
        return [self.subscriptions[of].next() for _ in range(count)]

    def publish(self, *events: dict[str, Any], key: str | None = None) -> None:
        self.client.publish(*events, key=key)

    def request(self, event: dict[str, Any], timeout_seconds: float = 5.0) -> Any:
        return self.client.request(event, timeout_seconds)

    def serve(self, topic: str, how: str = "echo") -> None:
        self.client.serve(topic, self._handler(how))

    def answer(self, count: int) -> None:
        self.client.wait_for(lambda: self.answered >= count, None)

    def rejoin(self) -> None:
        self.client.wait_for(lambda: self.client.is_connected and self.client.epoch != self.epoch, None)
        self.epoch = self.client.epoch

    def leave(self, returning: bool = False) -> None:
        if self._client is not None:
            self._client.close(returning=returning)

    def _handler(self, how: str) -> Callable[[Any], dict[str, Any]]:
        def handle(request: Any) -> dict[str, Any]:
            self.answered += 1
            if how == "refuse":
                raise Refused("not today")
            return {"type": "app.answer", "text": request["text"]}

        return handle


def main() -> None:
    driver = Driver()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            outcome = {"gives": getattr(driver, command["do"])(*command["of"], **command["with"])}
        except ClientError as error:
            outcome = {"fails": {"error": type(error).__name__, **vars(error)}}
        sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
        sys.stdout.flush()
    driver.leave()


main()
