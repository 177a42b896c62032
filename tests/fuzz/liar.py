"""Has a server tell one lie after the other, while the crowd adds and installs what it offers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Final

from tests.fuzz.findings import LieStep
from tests.support.lies import PROTOCOLS, Lie, lies
from tests.support.lying_server import LyingServer

LIE_SECONDS: Final = 0.1
"""How long each lie stands: some requests meet it."""

NAMES: Final = 12
"""Models that the crowd knows of each protocol."""


class Liar:
    """Tells the lies of a seed.

    Attributes:
        told: lies, by what they are about.
    """

    def __init__(self, server: LyingServer, seed: int, remember: Callable[[LieStep], None]) -> None:
        self.told: Counter[str] = Counter()
        self._server = server
        self._lies = lies(seed, server.documents)
        self._remember = remember
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Be honest again."""
        self._stopping.set()
        self._thread.join(30)
        self._server.tell(None)

    def _run(self) -> None:
        while not self._stopping.wait(LIE_SECONDS):
            lie = next(self._lies)
            self.told[lie.kind] += 1
            self._remember(step_of(lie))
            self._server.tell(lie)


def step_of(lie: Lie) -> LieStep:
    """The lie as a step of a case."""
    name = lie.name.decode("latin-1") if isinstance(lie.name, bytes) else lie.name
    place = list(name) if isinstance(name, tuple) else []
    return LieStep(
        lie.protocol,
        lie.role,
        lie.kind,
        "" if place else str(name),
        isinstance(lie.name, bytes),
        place,
        lie.value,
        lie.times,
    )


def lie_of(step: LieStep) -> Lie:
    """The lie that a step tells."""
    name: bytes | str | tuple[str | int, ...] = step.name
    if step.is_field:
        name = step.name.encode("latin-1")
    elif step.place:
        name = tuple(step.place)
    return Lie(step.protocol, step.role, step.kind, name, step.value, step.times)


def model_names(server: LyingServer) -> list[str]:
    """The names under which its models can be added."""
    protocols = [protocol for protocol in PROTOCOLS if protocol != "manifest"]
    return [server.name(protocol, n) for protocol in protocols for n in range(NAMES)]
