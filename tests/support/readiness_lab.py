"""An app with two modes, and what is told about its models, for tests of readiness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from actors.readiness.snapshot.availability import ReadinessDeclaration
from actors.readiness.snapshot.readiness_facts import ReadinessFacts, learn
from actors.readiness.snapshot.readiness_snapshot import derive
from actors.readiness.wording import WordingTables
from actors.shared.profile.mode_tables import CategoryTable, ModeTable, OptionalTable, ReadinessTable
from schemas.config import SettingsChangedEvent
from schemas.models import (
    FileProgress,
    ModelDownloadProgressedEvent,
    ModelState,
    ModelStateChangedEvent,
    ModelStatus,
)
from schemas.operations.alerts import Alert, AlertChangedEvent
from schemas.operations.supervision import ActorState, ActorStateChangedEvent, ActorStatus
from schemas.paths import PathProblem, PathProblemKind, PathsChangedEvent, PathStatus
from schemas.readiness import ReadinessSnapshot

NOW = 1_700_000_000.0
SIZE_BYTES = 1000
NAMES = {"base": "Base", "spare": "Spare", "chat": "Chat", "voice": "Voice", "ears": "Ears"}
CATEGORIES = {"base": "stt", "spare": "stt", "chat": "llm", "voice": "tts", "ears": "vad"}
WORDS = WordingTables.of({}, Path("/profile"))
ENGLISH = WORDS.choose("en")
MODES = (
    ModeTable(
        name="dictation",
        title="Dictation",
        requires=["stt"],
        optional=[
            OptionalTable(category="llm", notice="raw_output"),
            OptionalTable(category="vad", notice="loudness_only", bundled=True),
        ],
    ),
    ModeTable(name="assistant", title="Assistant", requires=["llm", "tts"], enabled_by="assistant.enabled"),
)
TABLE = ReadinessTable(
    categories={
        "stt": CategoryTable(model="base", setting="stt.model_id"),
        "llm": CategoryTable(model="chat"),
        "tts": CategoryTable(model="voice"),
        "vad": CategoryTable(model="ears"),
    }
)
DECLARED = ReadinessDeclaration("Dictation", MODES, TABLE)


def settings(*, assistant: bool = True, toast: bool = True, stt: str = "") -> dict[str, Any]:
    """Settings of the app."""
    return {"assistant": {"enabled": assistant}, "ui": {"ready_toast": toast}, "stt": {"model_id": stt}}


def status(model_id: str, state: ModelState, **more: Any) -> ModelStatus:
    """Where a model stands."""
    told = more.pop("durable_bytes", 0)
    durable = SIZE_BYTES if state == "installed" else told
    return ModelStatus(
        model_id=model_id,
        name=NAMES[model_id],
        category=CATEGORIES[model_id],
        licence="MIT",
        state=state,
        size_bytes=SIZE_BYTES,
        durable_bytes=durable,
        **more,
    )


def state_event(model_id: str, state: ModelState, **more: Any) -> ModelStateChangedEvent:
    """A model is in another state."""
    return ModelStateChangedEvent(model_id=model_id, status=status(model_id, state, **more))


def progress_event(model_id: str, durable_bytes: int, attempt: int = 1) -> ModelDownloadProgressedEvent:
    """More bytes of a model are durable."""
    return ModelDownloadProgressedEvent(
        model_id=model_id,
        name=NAMES[model_id],
        attempt=attempt,
        durable_bytes=durable_bytes,
        size_bytes=SIZE_BYTES,
        rate_bytes_per_second=100.0,
        seconds_left=None,
        staging_directory=f"/models/{model_id}.partial",
        files=[FileProgress(path="f", durable_bytes=durable_bytes, size_bytes=SIZE_BYTES)],
    )


def settings_event(**more: Any) -> SettingsChangedEvent:
    """The settings as they are told."""
    return SettingsChangedEvent(changed={}, settings=settings(**more), revision=1, reason="start")


def actor_event(actor: str, state: ActorState, reason: str = "") -> ActorStateChangedEvent:
    """An actor is in another state."""
    return ActorStateChangedEvent(actor=actor, status=ActorStatus(actor=actor, state=state, reason=reason))


def paths_event(
    path: str = "/models", problem: PathProblemKind | None = None, free_bytes: int | None = 10**9
) -> PathsChangedEvent:
    """Where models lie, and what is wrong with it."""
    problems = (
        [
            PathProblem(
                kind=problem, category="models", path=path, message=f"{path}: {problem}", offers=["choose"]
            )
        ]
        if problem
        else []
    )
    found = PathStatus(
        category="models",
        path=path,
        next_path="",
        origin="platform",
        default="/models",
        exists=True,
        writable=True,
        free_bytes=free_bytes,
        takes_effect="now",
        problems=problems,
    )
    return PathsChangedEvent(paths=[found], reason="start")


def alert_event(message: str, advice: str = "", *, is_active: bool = True) -> AlertChangedEvent:
    """An alert is raised or cleared."""
    alert = Alert(
        name="a",
        subject="",
        source="x",
        severity="error",
        is_active=is_active,
        since=0,
        last_at=0,
        count=1,
        message=message,
        advice=advice,
    )
    return AlertChangedEvent(key="x/a/", alert=alert)


def facts_of(*statuses: ModelStatus, events: tuple[Any, ...] = (), **settings_given: Any) -> ReadinessFacts:
    """ReadinessFacts in which everything was told: settings, place, and these models."""
    facts = ReadinessFacts(is_listed=True)
    for event in (settings_event(**settings_given), paths_event(), *events):
        facts = learn(facts, event, NOW)
    for found in statuses:
        facts = learn(facts, ModelStateChangedEvent(model_id=found.model_id, status=found), NOW)
    return facts


def all_installed() -> tuple[ModelStatus, ...]:
    """Every model that the two modes look for."""
    return tuple(status(model_id, "installed") for model_id in ("base", "chat", "voice", "ears"))


def snapshot_of(
    facts: ReadinessFacts,
    before: ReadinessSnapshot | None = None,
    now: float = NOW,
    declared: ReadinessDeclaration = DECLARED,
) -> ReadinessSnapshot:
    """The snapshot of these facts, in English."""
    return derive(facts, declared, ENGLISH, before, now)
