"""Secrets are planted wherever data comes in, and searched for wherever data goes out."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import threading
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from bus.client import Peer, connect
from bus.discovery import read_runtime
from bus.errors import RequestFailed
from schemas.config import RuntimeConfigRequestEvent
from schemas.history import HistoryAppendRequestEvent, HistorySearchRequestEvent
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import ModelInstallRequestEvent, ModelStateChangedEvent
from schemas.operations.diagnostics import DiagnosticsGenerateRequestEvent
from schemas.operations.logs import LogLevelRequestEvent
from schemas.operations.metrics import MetricsReportedEvent, MetricsWantedEvent
from schemas.state import StateLoadRequestEvent, StateSaveRequestEvent
from tests.acceptance.conftest import Start
from tests.support.profiles import write_profile
from tests.support.runtime_process import RuntimeProcess, within

pytestmark = [
    pytest.mark.slow,
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

GUARD_SECONDS = 60.0
"""Ends a test that would hang; no test waits for time."""

SETTINGS = """
from pydantic import BaseModel, Field, SecretStr


class Assistant(BaseModel):
    system_prompt: str = Field(default="")
    api_key: SecretStr = Field(default=SecretStr(""))
    proxy: str = Field(default="")


class DiagnosticsSettings(BaseModel):
    file_logs: bool = True
    log_level: str = "debug"
    log_entries: int = 5000
    log_kib: int = 4096


class Settings(BaseModel):
    assistant: Assistant = Field(default_factory=Assistant)
    diagnostics: DiagnosticsSettings = Field(default_factory=DiagnosticsSettings)
"""

LOUD = '''
"""Logs everything it gets, then crashes with it in its local variables."""

import logging
import sys

from bus.actor import Actor
from schemas.config import SettingExplained
from schemas.event import Event, Request

log = logging.getLogger("loud")


class ToldEvent(Event, frozen=True, kw_only=True, tag="app.told"):
    pass


class TellEvent(Request[ToldEvent], frozen=True, kw_only=True, tag="app.tell"):
    spoken: str
    secret: str
    is_last: bool = False


class Loud(Actor[TellEvent]):
    async def handle(self, event):
        spoken, secret = event.spoken, event.secret
        log.warning("heard something", extra={"transcript": spoken, "clipboard": spoken, "api_key": secret})
        url = "https://me:%s@api.example.org/v1?token=%s"
        log.warning(f"calling {url} with Bearer %s", secret, secret, secret)
        print("Authorization: Bearer", secret, file=sys.stderr)
        print(f"password={secret}")
        try:
            raise ValueError(f"the token={secret} does not do")
        except ValueError:
            log.exception("it failed for me@%s.org", secret)
        if event.is_last:
            raise RuntimeError("broken with something in its hands")
        return ToldEvent()


def build(context):
    return Loud(context)
'''

NAMESPACES = """
[[namespaces]]
name = "notes"
encrypt = true

[[namespaces]]
name = "settings"
schemas = { "preferences" = "UserPreferencesState" }
"""
BUNDLED = (
    "config_store",
    "locations",
    "model_verifier",
    "model_downloader",
    "readiness",
    "state_store",
    "history",
    "diagnostics",
)
COMPLAINT = "import sys; sys.exit('no --password=' + sys.argv[1].partition('=')[2])"

OWN: dict[str, tuple[str, ...]] = {
    "prompt setting": ("config.",),
    "proxy password": ("config.",),
    "spoken": ("history.",),
    "path": ("paths.", "models.", "supervision.", "readiness.", "alerts.", "config."),
}
"""Topics in which a planted secret may show: settings go to those who use them, transcripts are the live tail
of the history, and programs that load models have to know where they lie."""


@dataclass
class Canaries:
    """A secret for each entrance, so that a leak shows where it came in."""

    names: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        """The secret of this name."""
        return self.names.setdefault(name, f"canary{secrets.token_hex(12)}")

    def found_in(self, text: str, but: Iterable[str] = ()) -> set[str]:
        """Names of the secrets that show in a text."""
        lower = text.casefold()
        return {name for name, value in self.names.items() if name not in but and value in lower}


def loud_profile(directory: Path, canary: Canaries, url: str) -> Path:
    """A profile with all bundled actors, and two children that say secrets aloud."""
    promise = FilePromise(path="model.bin", size_bytes=1000, sha256="0" * 64, urls=[f"{url}/model.bin"])
    entry = ModelEntry(id="small", name="Small", category="stt", licence="MIT", files=[promise])
    program = [sys.executable, "-c", COMPLAINT, f"--password={canary('argument')}"]
    return write_profile(
        directory,
        *BUNDLED,
        {"name": "loud", "entry": "loud:build"},
        {"name": "program", "command": program, "ready": "started", "intensity": 1},
        top={"allowlist": ["*"]},
        settings=SETTINGS,
        models=[entry],
        tables=NAMESPACES,
        modules={"loud.py": LOUD},
    )


@contextlib.contextmanager
def signing_server(canary: Canaries) -> Iterator[str]:
    """Redirects downloads to a signed address, as the stores of large hubs do, and refuses them there."""
    place = f"/signed?X-Amz-Signature={canary('url signature')}&token={canary('url token')}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_first = self.path == "/model.bin"
            self.send_response(302 if is_first else 403, f"no {canary('reason of the server')}")
            if is_first:
                self.send_header("Location", place)
            self.send_header("Set-Cookie", f"session={canary('cookie')}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@dataclass
class BusTap:
    """Everything published on the bus."""

    heard: list[tuple[str, str]] = field(default_factory=list)

    async def listen(self, peer: Peer, begun: asyncio.Event) -> None:
        async with peer.subscribe("*") as events:
            begun.set()
            async for event in events:
                self.heard.append(
                    (str(type(event).__struct_config__.tag), msgspec.json.encode(event).decode())
                )


async def plant(peer: Peer, canary: Canaries) -> None:
    """Bring in every secret through its own entrance."""
    await peer.request(LogLevelRequestEvent(level="debug"))
    proxy = f"http://me:{canary('proxy password')}@proxy.example.org:3128"
    updates = {
        "assistant.system_prompt": canary("prompt setting"),
        "assistant.api_key": canary("secret setting"),
        "assistant.proxy": proxy,
    }
    for path, value in updates.items():
        changed = await peer.request(RuntimeConfigRequestEvent(operation="update", updates={path: value}))
        assert changed.success, changed.message
    wrong = {"assistant": canary("wrong setting"), "diagnostics.log_entries": canary("wrong number")}
    for path, value in wrong.items():
        await peer.request(RuntimeConfigRequestEvent(operation="update", updates={path: value}))
    await peer.request(HistoryAppendRequestEvent(text=f"he said {canary('spoken')} aloud"))
    await peer.request(HistorySearchRequestEvent(words=canary("searched words")))
    await peer.request(StateSaveRequestEvent(key="notes.one", value={"prompt": canary("saved prompt")}))
    await peer.request(StateLoadRequestEvent(key="notes.one"))
    for key in ("settings.preferences", "notes.one"):
        with contextlib.suppress(RequestFailed):
            await peer.request(
                StateSaveRequestEvent(
                    key=key, value={"theme": canary("refused value"), "version": 1}, expected_revision=0
                )
            )
    async with peer.subscribe(ModelStateChangedEvent) as states:
        await peer.request(ModelInstallRequestEvent(model_id="small"))
        async for event in states:
            if isinstance(event, ModelStateChangedEvent) and event.status.state == "failed":
                break
    for is_last in (False, True):
        with contextlib.suppress(RequestFailed):
            event = {
                "type": "app.tell",
                "spoken": canary("transcript"),
                "secret": canary("token"),
                "is_last": is_last,
            }
            await peer.request_raw("app.tell", event)
    with contextlib.suppress(RequestFailed):
        await peer.request_raw(
            "config.request", {"type": "config.request", "operation": canary("broken request"), "updates": 1}
        )


def send_broken_frames(home: Path, canary: Canaries) -> None:
    """Send nonsense to the broker: before the greeting, with a wrong token, and once admitted."""
    runtime = read_runtime(home / "state" / "runtime.json")
    pack, value = msgspec.msgpack.encode, canary("broken frame")
    context = zmq.Context()
    try:
        for name, token in ((value, canary("wrong key")), ("stranger", runtime.token)):
            with context.socket(zmq.DEALER) as lane:
                lane.linger, lane.rcvtimeo = 1000, 5000
                lane.connect(runtime.lane)
                lane.send_multipart([value.encode(), value.encode(), value.encode()])
                lane.send_multipart([b"HELLO", pack([2, name, secrets.token_hex(8), token])])
                lane.recv_multipart()
                for frames in (
                    [
                        b"PUBLISH",
                        pack([1, "logs.recorded", 1, 1, None, None]),
                        pack([{"type": "logs.recorded", "records": value}]),
                    ],
                    [b"PUBLISH", pack([2, "logs.recorded", 1, 2, None, None]), value.encode()],
                    [b"REQUEST", pack([1, "config.request", 500, None]), value.encode()],
                    [value.encode()],
                ):
                    lane.send_multipart(frames)
    finally:
        context.term()


def outlets(runtime: RuntimeProcess, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Everything that leaves a runtime, by name."""
    for name in ("logs", "status", "metrics"):
        yield f"undercroft {name}", runtime.command(name).stdout
    yield "metrics page", runtime.command("metrics", "--prometheus").stdout
    yield "undercroft logs --json", runtime.command("logs", "--json", "-n", "10000").stdout
    made = runtime.command("diagnostics", "--output", str(tmp_path / "report.zip"))
    assert made.returncode == 0, made.stderr
    yield "undercroft diagnostics", made.stdout
    with zipfile.ZipFile(tmp_path / "report.zip") as zipped:
        for name in zipped.namelist():
            yield f"report {name}", zipped.read(name).decode()
    for directory in (runtime.home / "logs", runtime.home / "state" / "crashes"):
        for path in directory.iterdir():
            yield str(path.relative_to(runtime.home)), path.read_text()
    yield "stderr of the supervisor", (runtime.home / "stderr.log").read_text()


@pytest.mark.requirement("S0-14", "S0-15", "S0-16", "S0-20")
async def test_what_is_planted_anywhere_shows_nowhere(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = Canaries()
    home = tmp_path / canary("path") / "home"
    monkeypatch.setenv("SOME_SERVICE_PASSWORD", canary("environment"))
    monkeypatch.setenv("OPENAI_API_KEY", canary("environment key"))
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'keychain.json'}")
    with signing_server(canary) as url:
        profile = loud_profile(tmp_path / "profile", canary, url)
        runtime = start(profile, home)
        runtime.wait_settled()
        tap, begun = BusTap(), asyncio.Event()
        async with asyncio.timeout(GUARD_SECONDS), connect("planter", home=home) as peer:
            listening = asyncio.create_task(tap.listen(peer, begun))
            await begun.wait()
            await plant(peer, canary)
            await asyncio.to_thread(send_broken_frames, home, canary)
            async with peer.subscribe(MetricsReportedEvent) as reports:
                await peer.publish(MetricsWantedEvent(reading="r"))
                await anext(reports)
            report = await peer.request(DiagnosticsGenerateRequestEvent(log_records=5000))
            listening.cancel()
        crashed = home / "state" / "crashes"
        assert await asyncio.to_thread(
            within, 10.0, lambda: any("loud" in path.name for path in crashed.iterdir())
        )
        leaks = {
            name: found
            for name, text in await asyncio.to_thread(lambda: list(outlets(runtime, tmp_path)))
            if (found := canary.found_in(text))
        }
    said = msgspec.json.encode(report).decode()
    assert {"logs.jsonl", "models.json", "settings.json", "history.json"} <= {
        file.name for file in report.files
    }
    assert "heard something" in said
    assert "broken with something in its hands" in next(
        path.read_text() for path in crashed.iterdir() if "loud" in path.name
    )
    assert len(canary.names) >= 19
    assert canary.found_in(said) == set()
    assert leaks == {}
    assert leaks_of(tap, canary) == set()


def leaks_of(tap: BusTap, canary: Canaries) -> set[tuple[str, str]]:
    """Topic and name of each secret that was published outside its own topics."""
    found: set[tuple[str, str]] = set()
    for topic, text in tap.heard:
        at_home: list[str] = [name for name, owners in OWN.items() if topic.startswith(owners)]
        found |= {(topic, name) for name in canary.found_in(text, at_home)}
    return found


def test_a_leak_would_be_found() -> None:
    canary, tap = Canaries(), BusTap()
    value: Any = canary("spoken")
    tap.heard += [("history.changed", value), ("logs.recorded", f"he said {value.upper()}")]
    assert leaks_of(tap, canary) == {("logs.recorded", "spoken")}
