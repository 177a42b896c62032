"""Brokers in processes of their own, and links that misbehave, for tests of the bus."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import select
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from bus.broker.broker_process import BrokerOptions, run
from bus.broker.roster import generous_roster
from bus.discovery import Runtime
from bus.lifeline import Lifeline, LifelineMessage, LineDecoder, StopMessage, encode
from bus.transport.sockets.curve_keys import CurveSecrets, new_curve_secrets
from bus.transport.transport import Transport, TransportHandlers
from bus.wire import Frames

if sys.platform != "win32":
    import resource

GUARD_SECONDS = 30.0
"""No test waits for time; this ends one that would hang."""

_processes: Any = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
if os.name != "nt":
    _processes.set_forkserver_preload(["bus.broker.broker_process"])


def _be_broker(options: BrokerOptions, pipe: Connection, descriptor_limit: int) -> None:
    if descriptor_limit and sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor_limit // 2, descriptor_limit))
    run(options, Lifeline(pipe.fileno(), pipe.fileno()))


class BrokerProcess:
    """A broker that can be killed, and started again where it listened."""

    def __init__(self, options: BrokerOptions, descriptor_limit: int = 0) -> None:
        self.options = options
        self._descriptor_limit = descriptor_limit
        self.epoch = ""
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._pipe, other = _processes.Pipe()
        self._process = _processes.Process(
            target=_be_broker, args=(self.options, other, self._descriptor_limit), daemon=True
        )
        self._process.start()
        other.close()
        details = self._read_ready()
        self.epoch = details["epoch"]
        self.options = msgspec.structs.replace(
            self.options, lane=details["lane"], feed=details["feed"], succession=True
        )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        assert self._process is not None
        assert self._pipe is not None
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def stop(self) -> int | None:
        """Ask it to leave; returns its exit code."""
        assert self._process is not None
        assert self._pipe is not None
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe.fileno(), encode(LifelineMessage(stop=StopMessage())))
        self._process.join(GUARD_SECONDS)
        self._pipe.close()
        return self._process.exitcode

    def tell(self, message: LifelineMessage) -> None:
        """Say something over its lifeline."""
        assert self._pipe is not None
        os.write(self._pipe.fileno(), encode(message))

    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def runtime(self) -> Runtime:
        """What clients are told."""
        curve = self.options.curve.for_clients() if self.options.curve else None
        return Runtime(
            app="test",
            pid=os.getpid(),
            started_at=0.0,
            lane=self.options.lane,
            feed=self.options.feed,
            token=self.options.token,
            curve=curve,
        )

    def resident_bytes(self) -> int:
        """Memory of the process, as Linux counts it."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_bytes(self) -> int:
        """Most memory that the process held so far."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))

    def forget_peak(self) -> None:
        """Let the peak begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def answer_ping(self) -> None:
        """Ping over the lifeline, as the supervisor does, and wait for the answer."""
        assert self._pipe is not None
        os.write(self._pipe.fileno(), encode(LifelineMessage(ping=42)))
        assert select.select([self._pipe], [], [], GUARD_SECONDS)[0]
        (message,) = LineDecoder().feed(os.read(self._pipe.fileno(), 65536))
        assert message.pong == 42

    def _read_ready(self) -> dict[str, Any]:
        assert self._pipe is not None
        decoder = LineDecoder()
        while select.select([self._pipe], [], [], GUARD_SECONDS)[0]:
            data = os.read(self._pipe.fileno(), 65536)
            assert data, "the broker ended before it was ready"
            for message in decoder.feed(data):
                if message.ready is not None:
                    return message.ready
        raise AssertionError("the broker is not ready")


def broker_options(transport: str, directory: Path, **more: Any) -> BrokerOptions:
    """Options for a broker on `ipc` or `tcp`; unless a roster is given, it trusts everybody."""
    more = {"roster": generous_roster(), **more}
    if transport == "ipc":
        return BrokerOptions(
            lane=f"ipc://{directory}/lane", feed=f"ipc://{directory}/feed", token="token", **more
        )
    curve: CurveSecrets = new_curve_secrets()
    return BrokerOptions(
        lane="tcp://127.0.0.1:*", feed="tcp://127.0.0.1:*", token="token", curve=curve, **more
    )


@contextlib.contextmanager
def broker_process(options: BrokerOptions, descriptor_limit: int = 0) -> Iterator[BrokerProcess]:
    """A running broker for the length of a block."""
    broker = BrokerProcess(options, descriptor_limit)
    broker.start()
    try:
        yield broker
    finally:
        if broker.is_alive():
            broker.kill()


class LossyTransport:
    """A transport whose feed loses the messages that `drops` picks, as a slow subscriber's does.

    Attributes:
        is_live: the feed has brought something (a heartbeat at the latest), so what is published from now on
            comes by feed.
    """

    def __init__(self, transport: Transport, drops: Callable[[list[bytes]], bool]) -> None:
        self._transport = transport
        self._drops = drops
        self.dropped = 0
        self.is_live = asyncio.Event()

    def start(self, handlers: TransportHandlers) -> None:
        feed = handlers.feed

        def lossy(frames: list[bytes]) -> bool:
            self.is_live.set()
            if self._drops(frames):
                self.dropped += 1
                return True
            return feed(frames)

        handlers.feed = lossy
        self._transport.start(handlers)

    def send(self, frames: Frames) -> None:
        self._transport.send(frames)

    def discard_unsent(self) -> None:
        self._transport.discard_unsent()

    def subscribe(self, prefix: bytes) -> None:
        self._transport.subscribe(prefix)

    def unsubscribe(self, prefix: bytes) -> None:
        self._transport.unsubscribe(prefix)

    def resume_feed(self) -> None:
        self._transport.resume_feed()

    def close(self, linger_seconds: float = 0.0) -> None:
        self._transport.close(linger_seconds)
