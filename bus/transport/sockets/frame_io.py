"""Sends and receives the frames of one message without waiting, and sets the limits of every socket.

pyzmq's `send_multipart` and `recv_multipart` look at each frame several times. For the few short frames of
the bus, the calls that they end in take half the time.
"""

from __future__ import annotations

from typing import Final

import zmq

from bus.wire import BODY_LIMIT_BYTES, Frames

HIGH_WATER_MARK_MESSAGES: Final = 4096
"""Messages that wait for one slow peer; further ones are dropped (feed) or refused (lane)."""

FRAME_SLACK_BYTES: Final = 1024
"""ZeroMQ measures a frame as it travels: CURVE adds 33 bytes to the largest body."""

HANDSHAKE_MILLISECONDS: Final = 5000

ZERO_COPY_BYTES: Final = 128 * 1024
"""Smaller frames are copied: giving them back would cost more than the copy."""

_send = zmq.backend.Socket.send
_recv = zmq.backend.Socket.recv
_get = zmq.backend.Socket.get
_NOBLOCK: Final = int(zmq.NOBLOCK)
_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
_RCVMORE: Final = int(zmq.RCVMORE)
_EVENTS: Final = int(zmq.EVENTS)
_POLLIN: Final = int(zmq.POLLIN)


def send_frames(socket: zmq.Socket[bytes], frames: Frames) -> None:
    """Send one message.

    Raises:
        zmq.Again: there is no room for it.
    """
    last = len(frames) - 1
    for frame in frames[:last]:
        _send(socket, frame, _MORE)
    _send(socket, frames[last], _NOBLOCK)


def send_counted(socket: zmq.Socket[bytes], frames: Frames, *, marks: bool) -> zmq.MessageTracker | None:
    """Send one message with large frames, which are not copied.

    Args:
        socket: where to send it.
        frames: the message.
        marks: track the last frame; it is given up when everything before it is.

    Raises:
        zmq.Again: there is no room for it.
    """
    last = len(frames) - 1
    for frame in frames[:last]:
        if len(frame) < ZERO_COPY_BYTES:
            _send(socket, frame, _MORE)
        else:
            _send(socket, zmq.Frame(frame, copy=False), _MORE, False)
    if not marks:
        _send(socket, frames[last], _NOBLOCK)
        return None
    marked = zmq.Frame(frames[last], track=True, copy=False)
    _send(socket, marked, _NOBLOCK, False)
    tracker: zmq.MessageTracker | None = marked.tracker
    return tracker


def receive_frames(socket: zmq.Socket[bytes]) -> list[bytes]:
    """Receive one message.

    Raises:
        zmq.Again: none waits.
    """
    frames = [_recv(socket, _NOBLOCK)]
    while _get(socket, _RCVMORE):
        frames.append(_recv(socket, _NOBLOCK))
    return frames


def has_input(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message waits. Costs a tenth of the exception that a receive in vain raises."""
    return bool(int(_get(socket, _EVENTS)) & _POLLIN)


def take_events(socket: zmq.Socket[bytes]) -> None:
    """Let the socket process what has arrived. A PUB socket takes subscriptions in by it."""
    _get(socket, _EVENTS)


def set_limits(socket: zmq.Socket[bytes]) -> None:
    """Limit what a socket queues, how large a frame may be, and how long a handshake may take."""
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK_MESSAGES)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK_MESSAGES)
    socket.setsockopt(zmq.MAXMSGSIZE, BODY_LIMIT_BYTES + FRAME_SLACK_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MILLISECONDS)
