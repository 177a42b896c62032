"""Sizes, names and patterns that both sides of the protocol agree on. Pure."""

from __future__ import annotations

import re
from typing import Final

import msgspec

BODY_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""Largest frame. ZeroMQ drops the connection of a peer that sends a larger one."""

HEADER_LIMIT_BYTES: Final = 64 * 1024
"""Largest header that the broker reads."""

EVENT_COUNT_LIMIT: Final = 65_536
"""Most events in one message."""

WELCOME_FRAME: Final = b"!welcome"
"""First message of every connection to the feed (ZMQ_XPUB_WELCOME_MSG): the sign to resync."""

HEARTBEAT_TOPIC: Final = b"!heartbeat"
"""Feed topic of the heartbeat, which carries the newest number of each topic."""

HEARTBEAT_SECONDS: Final = 1.0
"""Time between two heartbeats."""

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

PATTERN_LIMIT: Final = 1024
"""Most patterns in one SNAPSHOT."""

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading foreign MessagePack may raise: a wrong shape, text that is not UTF-8, endless nesting."""


def is_name(text: str) -> bool:
    """Whether the text may name a peer."""
    return NAME_PATTERN.fullmatch(text) is not None


def feed_prefix(pattern: str) -> bytes:
    """The prefix to which a SUB socket subscribes for a pattern: an exact topic, `conversation.*` or `*`."""
    return pattern.removesuffix("*").encode()


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic falls under a pattern: an exact topic, `conversation.*` or `*`."""
    return topic.startswith(pattern[:-1]) if pattern.endswith("*") else topic == pattern
