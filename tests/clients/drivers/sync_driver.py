"""Drives the synchronous Python client: a JSON command on each line of stdin, its outcome on stdout."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

sys.path.append(str(Path(__file__).parents[3]))

import undercroft_client
from tests.clients.json_values import from_json, to_json
from undercroft_client import (
    Client,
    ClientError,
    Followed,
    HelloRefused,
    Refused,
    Runtime,
    Subscription,
    read_runtime,
    runtime_path,
    sockets,
)

IDLE_SECONDS = 0.005


class Driver:
    def __init__(self) -> None:
        self._client: Client | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._followed: dict[str, Iterator[Followed]] = {}
        self._epoch = ""
        self._answered = 0
        self._is_released = False

    @property
    def client(self) -> Client:
        assert self._client is not None, "the scenario has to connect first"
        return self._client

    def find(self, app: str = "undercroft", home: str | None = None) -> Any:
        return read_runtime(runtime_path(app, home))

    def connect(self, name: str | None = None, runtime: dict[str, Any] | None = None, **options: Any) -> None:
        given = msgspec.convert(runtime, Runtime) if runtime else None
        self._client = undercroft_client.connect(name, runtime=given, **options)
        self._epoch = self.client.epoch

    def status(self) -> dict[str, Any]:
        client = self.client
        return {
            "role": client.role,
            "instance": client.instance,
            "behind": client.behind,
            "unreadable": client.undecodable,
        }

    def subscribe(self, *patterns: str, into: str = "main") -> None:
        self._subscriptions[into] = self.client.subscribe(*patterns)

    def unsubscribe(self, of: str = "main") -> None:
        self._subscriptions.pop(of).close()

    def take(self, count: int, of: str = "main", correlations: bool = False) -> list[Any]:
        subscription = self._subscriptions[of]
        events = ((subscription.next(), subscription.correlation) for _ in range(count))
        return [{"event": event, "correlation": id} if correlations else event for event, id in events]

    def follow(self, request: dict[str, Any], *patterns: str, into: str = "main", **options: Any) -> None:
        self._followed[into] = self.client.ask_then_follow(request, *patterns, **options)

    def take_followed(self, count: int, of: str = "main") -> list[Any]:
        return [{item.kind: item.event} for item in (next(self._followed[of]) for _ in range(count))]

    def publish(self, *events: dict[str, Any], **options: Any) -> None:
        self.client.publish(*events, **options)

    def withdraw(self, topic: str, key: str) -> None:
        self.client.withdraw(topic, key)

    def request(self, event: dict[str, Any], timeout_seconds: float = 5.0, **options: Any) -> Any:
        return self.client.request(event, timeout_seconds, **options)

    def serve(self, topic: str, how: str = "echo") -> None:
        self.client.serve(topic, self._handler(how))

    def answer(self, count: int) -> None:
        self.client.wait_for(lambda: self._answered >= count, None)

    def rejoin(self) -> None:
        self.client.wait_for(lambda: self.client.is_connected and self.client.epoch != self._epoch, None)
        self._epoch = self.client.epoch

    def pass_time(self, seconds: float) -> None:
        sockets.time = SimpleNamespace(monotonic=lambda: time.monotonic() + seconds)  # type: ignore[attr-defined]

    def leave(self, returning: bool = False) -> None:
        if self._client is not None:
            self._client.close(returning=returning)

    def idle(self) -> None:
        """The synchronous client works only while one of its calls waits."""
        if self._client is not None and not self._client._is_closed:
            self._client.wait_for(lambda: False, IDLE_SECONDS)

    def _handler(self, how: str) -> Callable[[Any], dict[str, Any]]:
        def handle(request: Any) -> dict[str, Any]:
            self._answered += 1
            match how:
                case "refuse":
                    raise Refused("not today")
                case "large":
                    return {"type": "app.answer", "filler": bytes(17 * 1024 * 1024)}
                case "publish":
                    self.client.publish({"type": "app.noted"})
                case "ask":
                    return self.client.request({"type": "app.other"})  # type: ignore[no-any-return]  # a map, as the scenario says
            return {"type": "app.answer", "text": request["text"]}

        return handle


def outcome_of(driver: Driver, command: dict[str, Any]) -> dict[str, Any]:
    try:
        found = getattr(driver, command["do"])(*from_json(command["of"]), **from_json(command["with"]))
        return {"gives": to_json(msgspec.to_builtins(found, builtin_types=(bytes,)))}
    except ClientError as error:
        return {"fails": {"error": type(error).__name__, **vars(error)}}
    except TimeoutError:
        return {"fails": {"error": "TimeoutError"}}


def read_lines(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    lines.put("")


def main() -> None:
    driver = Driver()
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=read_lines, args=(lines,), daemon=True).start()
    while True:
        is_out = False
        while lines.empty() and not is_out:
            try:
                driver.idle()
            except HelloRefused:
                is_out = True
            if driver._client is None or driver._client._is_closed:
                break
        if not (line := lines.get()):
            break
        sys.stdout.write(json.dumps(outcome_of(driver, json.loads(line))) + "\n")
        sys.stdout.flush()
    driver.leave()


if __name__ == "__main__":
    main()
