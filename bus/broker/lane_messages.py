"""Takes lane messages apart, and words the refusal of those that break a rule. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bus import wire
from bus.broker.log.logged_run import FeedMessage
from bus.errors import FailureKind, ProtocolError
from bus.wire import Frame

WITHOUT_ANSWER: Final = (b"REPLY", b"FAILED", b"PONG", b"CANCEL", b"BYE")
"""Verbs whose messages are not answered, even if they are refused."""

REFUSALS: Final = frozenset(
    {
        "wrong_token",
        "reserved_name",
        "duplicate_name",
        "peers_full",
        "duplicate_service",
        "not_yours",
        "unknown_peer",
    }
)
"""Reasons that fail as `refused`. All others fail as `invalid`."""


def body_of(frames: Sequence[bytes]) -> bytes:
    """The single body frame of a message.

    Raises:
        ProtocolError: reason `truncated`.
    """
    if len(frames) != 3:
        raise ProtocolError(
            "truncated", f"{frames[0].decode()} has {len(frames) - 2} body frames; expected 1"
        )
    return frames[2]


def refusal_of(frames: Sequence[bytes], error: ProtocolError) -> wire.FailedHeader | None:
    """The answer to a message that breaks a rule; None: it gets none."""
    if not frames or frames[0] in WITHOUT_ANSWER:
        return None
    verb = frames[0][:16].decode("ascii", "replace")
    kind: FailureKind = "refused" if error.reason in REFUSALS else "invalid"
    return wire.FailedHeader(wire.reference_of(frames), kind, str(error)[:1024], verb)


def flattened(messages: Iterable[FeedMessage]) -> list[Frame]:
    """Feed messages as body frames, three for each."""
    return [frame for message in messages for frame in message]
