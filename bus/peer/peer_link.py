"""One peer's connection to the broker: HELLO, what arrives on the lane, and the end."""

from __future__ import annotations

import os
from collections import Counter
from typing import Final

from bus import wire
from bus.errors import HelloRefused, ProtocolError, PublishRefused
from bus.peer.feed.subscriber import Subscriber
from bus.peer.lane.admission import Admission
from bus.peer.lane.publisher import Publisher
from bus.peer.lane.requester import Requester
from bus.peer.lane.responder import Responder
from bus.transport.transport import Transport, TransportHandlers
from bus.wire import Frame

LEAVE_LINGER_SECONDS: Final = 0.2
DISPLACED: Final = "displaced"
UNKNOWN_PEER: Final = "unknown_peer"
LOST: Final = "the connection to the broker was lost; the request may or may not have been carried out"


class PeerLink:
    """What joins the four halves of a peer: it hands each the messages that are meant for it.

    Attributes:
        name: what other peers and the broker call the peer.
        admission: whether a broker has admitted it.
        publisher, requester, responder, subscriber: its halves.
        ignored: reason to count, for messages that made no sense.
    """

    def __init__(self, transport: Transport, name: str, credential: str) -> None:
        self.name = name
        self.ignored: Counter[str] = Counter()
        self.admission = Admission()
        self.publisher = Publisher(self._send)
        self.requester = Requester(self._send, self.admission)
        self.responder = Responder(name, self._send, self.ignored, lambda: self.publisher.outbox.last_serial)
        self.subscriber = Subscriber(transport, self.requester, self.admission)
        self._instance = os.urandom(16).hex()  # only the broker may know it: it proves who reconnects
        self._transport = transport
        self._credential = credential
        self._is_closed = False

    def start(self) -> None:
        """Begin to connect."""
        self._transport.start(
            TransportHandlers(
                connected=self._say_hello,
                disconnected=self._disconnected,
                lane=self._lane,
                feed=self.subscriber.feed,
                welcomed=self.subscriber.feed_welcomed,
                denied=self._denied,
            )
        )

    def move(self, transport: Transport, credential: str) -> None:
        """Continue with the broker of a runtime that was started anew. To this peer it is one more epoch."""
        if self.admission.is_displaced or self._is_closed:
            transport.close()
            return
        self._disconnected()
        self._transport.close()
        self._transport, self._credential = transport, credential
        self.subscriber.move(transport)
        self.admission.start_over()
        self.start()

    def close(self, *, returning: bool = False) -> None:
        """Leave the bus. What still waits for something fails.

        Args:
            returning: the peer will be back; requests to it fail as `restarting` until then.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self.publisher.close()
        self._send(wire.lane_frames(wire.ByeHeader(returning)))
        self.admission.end()
        self.responder.close()
        self.subscriber.close()
        self.requester.close()
        self._transport.close(LEAVE_LINGER_SECONDS)

    def _send(self, frames: list[Frame]) -> None:
        if self.admission.is_admitted:
            self._transport.send(frames)

    def _say_hello(self) -> None:
        hello = wire.HelloHeader(wire.PROTOCOL_VERSION, self.name, self._instance, self._credential)
        self._transport.send(wire.lane_frames(hello))

    def _disconnected(self) -> None:
        if self.admission.lose():
            self._transport.discard_unsent()
            self.publisher.disconnected()
            self.responder.disconnected()
            self.requester.fail_all("died", LOST)

    def _refused(self, message: str) -> None:
        reason, _, detail = message.partition(": ")
        refusal = HelloRefused(self.name, reason, detail)
        if reason != DISPLACED:
            self.admission.refuse(refusal)
            return
        self._disconnected()
        self.admission.displace(refusal)
        self.publisher.close(PublishRefused("*", reason, detail))
        self.responder.close()
        self.subscriber.close(refusal)
        self._transport.close()

    def _denied(self, reason: str, detail: str) -> None:
        self.admission.refuse(HelloRefused(self.name, reason, detail))

    def _lane(self, frames: list[bytes]) -> None:
        try:
            header = wire.read_from_broker(frames)
        except ProtocolError as error:
            self._unreadable(frames, error)
            return
        match header:
            case wire.AcceptedHeader():
                self.publisher.accepted(header.serial, header.behind)
            case wire.RepliedHeader() if len(frames) != 3:
                self.requester.fail(
                    header.id, "invalid", f"the reply has {len(frames) - 2} body frames; expected 1"
                )
            case wire.RepliedHeader() | wire.ReplayedHeader() | wire.SnapshottedHeader():
                if not self.requester.settle(header, frames[2:]):
                    self.ignored["unknown_request"] += 1
            case wire.FailedHeader():
                self._failed(header)
            case wire.RequestHeader():
                self.responder.requested(header, frames)
            case wire.CancelHeader():
                self.responder.cancelled(header.id)
            case wire.ServeHeader():
                self.responder.confirmed(None)
            case wire.WelcomeHeader():
                self._welcomed(header)
            case wire.PingHeader():
                self._send(wire.lane_frames(wire.PongHeader(header.id)))
            case wire.PongHeader():
                if header.epoch == self.admission.epoch:
                    self.publisher.accepted(header.accepted)
            case _:
                self.ignored["wrong_verb"] += 1

    def _welcomed(self, welcome: wire.WelcomeHeader) -> None:
        if self.admission.is_admitted and welcome.epoch == self.admission.epoch:
            return
        self.admission.admit(welcome.epoch, welcome.instance or self._instance, welcome.role)
        self.publisher.welcomed(welcome.epoch, welcome.accepted)
        self.responder.welcomed()
        self.subscriber.lane_welcomed(welcome.epoch)

    def _failed(self, failed: wire.FailedHeader) -> None:
        if failed.message.startswith(UNKNOWN_PEER):
            # It was sent before the broker knew this connection. What matters is sent again after WELCOME.
            self.requester.fail(failed.id, "died", LOST)
            return
        if failed.verb == "PUBLISH":
            self.publisher.refused(failed.id, failed.message)
        elif failed.verb == "SERVE":
            self.responder.confirmed(failed)
        elif failed.verb == "HELLO":
            self._refused(failed.message)
        elif not self.requester.settle(failed, []):
            self.ignored["unknown_request"] += 1

    def _unreadable(self, frames: list[bytes], error: ProtocolError) -> None:
        """A message cannot be read. If it answers a question, that has failed."""
        self.ignored[error.reason] += 1
        id = wire.reference_of(frames)
        if id and frames[0] in (b"REPLY", b"FAILED", b"SNAPSHOT", b"REPLAY"):
            self.requester.fail(id, "invalid", f"the answer cannot be read: {error}")
