"""Adds and installs models of a server that lies, and says what became of each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from actors.model_sources.actor import ModelSources
from actors.shared.context import ActorContext
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import read_profile
from actors.shared.steering_signs import STEERING
from bus.client import Peer
from bus.errors import RequestFailed
from bus.peer.feed.subscription import Subscription
from schemas.models import (
    ModelCancelRequestEvent,
    ModelInstalledEvent,
    ModelInstallRequestEvent,
    ModelRemoveRequestEvent,
    ModelStateChangedEvent,
)
from schemas.sources import (
    ManifestRefreshRequestEvent,
    ModelAddRequestEvent,
    ModelWithdrawRequestEvent,
)
from tests.support.http_servers import public_key_text
from tests.support.lies import Lie
from tests.support.lying_server import CONFIG, WEIGHTS, LyingServer
from tests.support.model_lab import ModelLab, ask, model_lab
from tests.support.signed_manifests import KEY

GUARD_SECONDS: Final = 60.0
REQUESTS_LIMIT: Final = 120
"""More requests than this for one model are a loop."""
HONEST: Final = frozenset({WEIGHTS, CONFIG, b""})
"""What may lie on disk of an installed model; an empty file can be promised, too."""

End = Literal["installed", "refused", "failed", "waiting"]


@dataclass
class Trial:
    """What became of one lie.

    Attributes:
        end: `refused`: the answer to `add` or `install`. `failed`: the install gave up. `waiting`: the server
            asked for patience, so the install rests and was cancelled.
        sentence: what people read of it; empty if it was installed.
        requests: what the server was asked.
        faults: what should not have been.
    """

    lie: Lie
    end: End
    sentence: str
    requests: int = 0
    faults: list[str] = field(default_factory=list)


def unclean_texts(event: Any) -> list[str]:
    """The texts of an event that hold signs which steer a terminal."""
    plain = msgspec.to_builtins(event)
    found, open_values = [], [plain]
    while open_values:
        value = open_values.pop()
        if isinstance(value, dict):
            open_values += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            open_values += value
        elif isinstance(value, str) and STEERING.search(value):
            found.append(f"{type(event).__name__}: {value[:200]!r}")
    return found


async def try_lie(app: Peer, server: LyingServer, lie: Lie, number: int, models: Path) -> Trial:
    """Add and install a model while the server lies; leaves nothing of it behind.

    Args:
        app: asks and listens.
        server: is told the lie, and to be honest at the end.
        lie: what it lies about.
        number: names a model that was never used before.
        models: the directory of the models.
    """
    server.tell(lie)
    async with asyncio.timeout(GUARD_SECONDS), app.subscribe("models.*") as events:
        try:
            model_id = await _added(app, server, lie, number)
            await ask(app, ModelInstallRequestEvent(model_id=model_id), GUARD_SECONDS)
        except RequestFailed as failed:
            trial = Trial(lie, "refused", failed.message)
            if failed.kind != "refused":
                trial.faults.append(f"the request was not refused but {failed.kind}")
            model_id = ""
        else:
            trial = await _outcome(events, lie, model_id)
    trial.requests = len(server.requests)
    if trial.requests > REQUESTS_LIMIT:
        trial.faults.append(f"{trial.requests} requests")
    trial.faults += _faults(trial, models / (model_id or "nothing"))
    server.tell(None)
    await _clean_up(app, server, lie, number, model_id, trial)
    async for event in events:
        trial.faults += unclean_texts(event)
    return trial


async def _added(app: Peer, server: LyingServer, lie: Lie, number: int) -> str:
    if lie.protocol == "manifest":
        refreshed = await ask(app, ManifestRefreshRequestEvent(), GUARD_SECONDS)
        if refreshed.outcome == "kept":
            raise RequestFailed("refused", refreshed.message)
        return f"signed-{server.version}"
    model_id = f"liar-{lie.protocol}-{number}"
    request = ModelAddRequestEvent(name=server.name(lie.protocol, number), model_id=model_id)
    await ask(app, request, GUARD_SECONDS)
    return model_id


async def _outcome(events: Subscription[Any], lie: Lie, model_id: str) -> Trial:
    async for event in events:
        if isinstance(event, ModelInstalledEvent) and event.model_id == model_id:
            return Trial(lie, "installed", "", faults=unclean_texts(event))
        if not isinstance(event, ModelStateChangedEvent) or event.model_id != model_id:
            continue
        if unclean := unclean_texts(event):
            return Trial(lie, "failed", event.status.problem, faults=unclean)
        status = event.status
        if status.state == "failed":
            return Trial(lie, "failed", status.problem)
        pause = re.search(r"trying again in (\d+) s", status.problem)
        if pause and int(pause[1]) > 1:
            return Trial(lie, "waiting", status.problem)
    raise AssertionError("the stream of events ended")


def _faults(trial: Trial, directory: Path) -> list[str]:
    found = []
    if trial.end != "installed" and len(trial.sentence) < 20:
        found.append(f"no sentence: {trial.sentence!r}")
    if len(trial.sentence) > 2000:
        found.append(f"a sentence of {len(trial.sentence)} characters")
    if STEERING.search(trial.sentence):
        found.append(f"an unclean sentence: {trial.sentence[:200]!r}")
    if re.search(r"\b(?:[A-Z]\w*Error|Traceback|unforeseen)\b", trial.sentence):
        found.append(f"nobody foresaw it: {trial.sentence[:300]}")
    if trial.end == "installed":
        found += [
            f"{path.name} has other bytes"
            for path in directory.rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.read_bytes() not in HONEST
        ]
    return found


async def _clean_up(
    app: Peer, server: LyingServer, lie: Lie, number: int, model_id: str, trial: Trial
) -> None:
    """Leave nothing behind, which also shows that both actors serve."""
    if model_id and trial.end != "installed":
        await ask(app, ModelCancelRequestEvent(model_id=model_id, drop_partial=True))
    if model_id:
        await ask(app, ModelRemoveRequestEvent(model_id=model_id))
    if lie.protocol == "manifest":
        await ask(app, ManifestRefreshRequestEvent(), GUARD_SECONDS)
        return
    try:
        await ask(app, ModelWithdrawRequestEvent(model_id=f"liar-{lie.protocol}-{number}"))
    except RequestFailed as failed:
        if failed.kind != "refused" or model_id:
            trial.faults.append(f"it cannot be withdrawn: {failed}")


PROFILE: Final = """name = "probe"
[sources]
hf = "{url}"
ollama = "{url}"
[manifest]
url = "{url}/models.json"
keys = ["{key}"]
refresh_hours = 0
"""


@asynccontextmanager
async def lying_lab(home: Path) -> AsyncIterator[tuple[ModelLab, LyingServer]]:
    """Model sources, downloader and verifier as an app has them, and a server that lies to them."""
    profile = home / "profile"
    profile.mkdir()
    with LyingServer() as server:
        text = PROFILE.format(url=server.url, key=public_key_text(KEY))
        (profile / "profile.toml").write_text(text)
        async with model_lab(home) as lab:

            def sources(bus: Any) -> ModelSources:
                locations = locate("probe", home / "home")
                return ModelSources(
                    ActorContext.on(bus, "model_sources", locations, read_profile(profile)), {}
                )

            await lab.start_actor("model_sources", sources)
            await lab.start_verifier()
            table = read_profile(profile).sources
            await lab.start_actor("model_downloader", lambda bus: lab.downloader(bus, sources=table))
            yield lab, server
