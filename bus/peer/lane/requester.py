"""The asking half of a peer: its requests, snapshots and replays. Each has exactly one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias

from bus import wire
from bus.errors import FailureKind, RequestFailed
from bus.peer.lane.admission import Admission
from bus.peer.lane.publisher import LEFT
from bus.wire import Frame

REQUEST_LIMIT_SECONDS: Final = 86_400.0
DEADLINE_GRACE_SECONDS: Final = 0.25
"""The broker reports a missed deadline. Where it cannot, the client gives up this much later."""

Answer: TypeAlias = wire.RepliedHeader | wire.SnapshottedHeader | wire.ReplayedHeader | wire.FailedHeader
Settle: TypeAlias = Callable[[Answer, list[bytes]], None]
"""Takes the answer and its body frames. A failure is an answer as well."""


class Requester:
    """Questions of one peer that are under way, by id.

    Attributes:
        asked: how many questions there were so far.
    """

    def __init__(self, send: Callable[[list[Frame]], None], admission: Admission) -> None:
        self.asked = 0
        self._send = send
        self._admission = admission
        self._loop = asyncio.get_running_loop()
        self._settles: dict[int, Settle] = {}
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._settles)

    async def request(
        self, topic: str, body: bytes, timeout_seconds: float, correlation: str | None
    ) -> tuple[wire.RepliedHeader, bytes]:
        """Send a request, and return header and body of its reply.

        Raises:
            RequestFailed: there is no reply; its `kind` says why.
        """
        if len(body) > wire.BODY_LIMIT_BYTES:
            raise RequestFailed(
                "invalid",
                f"the request has {len(body)} bytes; expected at most {wire.BODY_LIMIT_BYTES}",
                topic,
            )
        if self._is_closed:
            raise RequestFailed("died", LEFT, topic)
        if not self._admission.is_admitted:
            await self._wait_for_broker(timeout_seconds, topic)
        outcome: asyncio.Future[tuple[wire.RepliedHeader, bytes]] = self._loop.create_future()

        def settle(answer: Answer, frames: list[bytes]) -> None:
            if outcome.done():
                return
            if isinstance(answer, wire.FailedHeader):
                outcome.set_exception(RequestFailed(answer.kind, answer.message, topic))
            elif isinstance(answer, wire.RepliedHeader):
                outcome.set_result((answer, frames[0]))
            else:
                outcome.set_exception(RequestFailed("invalid", "the answer is no reply", topic))

        timeout_ms = max(1, int(min(timeout_seconds, REQUEST_LIMIT_SECONDS) * 1000))
        id = self.begin(lambda id: wire.RequestHeader(id, topic, timeout_ms, correlation), settle, body)
        late = f"no outcome within {timeout_seconds} s, not even from the broker"
        timer = self._loop.call_later(
            timeout_seconds + DEADLINE_GRACE_SECONDS, self.fail, id, "deadline", late
        )
        try:
            return await outcome
        finally:
            timer.cancel()
            if self.forget(id):
                self._send(wire.lane_frames(wire.CancelHeader(id)))

    def begin(self, make_header: Callable[[int], wire.LaneHeader], settle: Settle, *body: Frame) -> int:
        """Ask a question, and return its id. `settle` is called once, with the answer."""
        self.asked += 1
        id = self.asked
        self._settles[id] = settle
        self._send(wire.lane_frames(make_header(id), *body))
        return id

    def tell(self, header: wire.LaneHeader) -> None:
        """Send what gets no answer."""
        self._send(wire.lane_frames(header))

    def settle(self, answer: Answer, body: list[bytes]) -> bool:
        """An answer came in; returns whether its question was under way."""
        settle = self._settles.pop(answer.id, None)
        if settle is None:
            return False
        settle(answer, body)
        return True

    def fail(self, id: int, kind: FailureKind, message: str) -> None:
        """Fail one question, unless it is answered already."""
        self.settle(wire.FailedHeader(id, kind, message), [])

    def forget(self, id: int) -> bool:
        """Nobody waits for this answer any more; returns whether the question was under way."""
        return self._settles.pop(id, None) is not None

    def fail_all(self, kind: FailureKind, message: str) -> None:
        """Fail every question: the connection that would have brought the answers is gone."""
        for id in list(self._settles):
            self.fail(id, kind, message)

    def close(self) -> None:
        """Fail every question, and every later one: the peer leaves."""
        self._is_closed = True
        self.fail_all("died", LEFT)

    async def _wait_for_broker(self, timeout_seconds: float, topic: str) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._admission.wait()
        except TimeoutError:
            raise RequestFailed(
                "deadline", f"the broker could not be reached within {timeout_seconds} s", topic
            ) from None
