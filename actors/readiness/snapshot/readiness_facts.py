"""Folds the events of other actors into facts. Pure; an event that arrives twice changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from actors.readiness.snapshot.warning_signs import (
    WarningSigns,
    after_progress,
    after_state,
    after_verification,
)
from schemas.config import SettingsChangedEvent
from schemas.models import (
    ModelDownloadProgressedEvent,
    ModelsListedEvent,
    ModelStateChangedEvent,
    ModelStatus,
    ModelVerificationFailedEvent,
)
from schemas.operations.alerts import Alert, AlertChangedEvent
from schemas.operations.supervision import ActorStateChangedEvent, ActorStatus, SupervisorStoppingEvent
from schemas.paths import PathMoveChangedEvent, PathProblemKind, PathsChangedEvent, PathStatus
from schemas.readiness import ReasonKind
from schemas.sources import ModelCatalogueChangedEvent

SERVICES: Final = ("config_store", "model_downloader", "model_verifier")
"""Actors that readiness depends on."""

FETCHING: Final = ("queued", "downloading")
"""States of a model that is being installed. `verifying` may also be a check at the start."""

FactEvent = (
    ModelStateChangedEvent
    | ModelDownloadProgressedEvent
    | ModelVerificationFailedEvent
    | ModelCatalogueChangedEvent
    | ActorStateChangedEvent
    | SettingsChangedEvent
    | AlertChangedEvent
    | PathsChangedEvent
    | PathMoveChangedEvent
    | SupervisorStoppingEvent
)

PATH_TROUBLES: Final[dict[PathProblemKind, tuple[ReasonKind, bool]]] = {
    "missing": ("path_missing", True),
    "removed_drive": ("path_missing", True),
    "not_a_directory": ("path_unusable", True),
    "unreadable": ("no_path_setting", True),
    "not_writable": ("path_unusable", False),
    "relative": ("path_unusable", False),
    "user_data": ("path_unusable", False),
    "nested": ("path_unusable", False),
}
"""What a problem of the models directory means, and whether it also prevents the use of installed models."""


@dataclass(frozen=True)
class ModelsPlace:
    """Where the models are stored.

    Attributes:
        active: directory that is set; empty while unknown.
        served: directory that the downloader uses; empty while unknown.
        trouble: what is wrong; None if nothing is.
        is_blocking: the trouble also prevents the use of installed models.
        problem: the trouble in words.
        is_moving: the models are being moved; the former directory is still in use.
    """

    active: str = ""
    served: str = ""
    trouble: ReasonKind | None = None
    is_blocking: bool = False
    problem: str = ""
    is_moving: bool = False

    @property
    def directory(self) -> str:
        """The directory to show to people."""
        return self.active or self.served


@dataclass(frozen=True)
class ReadinessFacts:
    """Everything that is known at one moment.

    Attributes:
        settings: nested by section; None while unknown.
        models: id to state of each model.
        is_listed: the downloader has listed every model.
        installing: ids of models that are being installed. For these, `verifying` is the end of an install
            and not a check at the start.
        progress: the last progress of each of these.
        place: where the models are stored.
        free_bytes: free space there; None while unknown.
        services: name to state of each actor.
        alerts: those that are active.
        licence_urls: id of each model to the text of its licence.
        signs: what was counted that points to a deeper fault.
        is_leaving: the runtime is stopping.
    """

    settings: Mapping[str, Any] | None = None
    models: Mapping[str, ModelStatus] = field(default_factory=dict)
    is_listed: bool = False
    installing: frozenset[str] = frozenset()
    progress: Mapping[str, ModelDownloadProgressedEvent] = field(default_factory=dict)
    place: ModelsPlace = field(default_factory=ModelsPlace)
    free_bytes: int | None = None
    services: Mapping[str, ActorStatus] = field(default_factory=dict)
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    licence_urls: Mapping[str, str] = field(default_factory=dict)
    signs: WarningSigns = field(default_factory=WarningSigns)
    is_leaving: bool = False

    def setting(self, path: str) -> Any:
        """Value of a setting by its dotted path; None if there is none."""
        found: Any = self.settings
        for part in path.split("."):
            if not isinstance(found, Mapping):
                return None
            found = found.get(part)
        return found

    def is_usable(self, model_id: str) -> bool:
        """Whether a verified revision of the model can be used now; a newer one may be on its way."""
        status = self.models.get(model_id)
        if status is None or status.state in ("absent", "damaged"):
            return False
        serves = status.state == "installed" or bool(status.revision)
        return serves and (status.state != "verifying" or model_id in self.installing)

    def is_being_checked(self, model_id: str) -> bool:
        """Whether an installed model is still being checked after the start."""
        status = self.models.get(model_id)
        return status is not None and status.state == "verifying" and model_id not in self.installing


def learn(facts: ReadinessFacts, event: FactEvent, now: float) -> ReadinessFacts:
    """The facts after an event.

    Args:
        facts: those before.
        event: what happened.
        now: seconds since the Unix epoch.
    """
    match event:
        case ModelStateChangedEvent():
            return _state(facts, event.status, now)
        case ModelDownloadProgressedEvent():
            signs = after_progress(facts.signs, event, now)
            return replace(facts, progress={**facts.progress, event.model_id: event}, signs=signs)
        case ModelVerificationFailedEvent():
            return replace(facts, signs=after_verification(facts.signs, event, now))
        case ModelCatalogueChangedEvent():
            return replace(
                facts, licence_urls={known.entry.id: known.entry.licence_url for known in event.models}
            )
        case ActorStateChangedEvent():
            return replace(facts, services={**facts.services, event.actor: event.status})
        case SettingsChangedEvent():
            return replace(facts, settings=event.settings)
        case AlertChangedEvent():
            if not event.is_own:
                return facts
            others = {key: alert for key, alert in facts.alerts.items() if key != event.key}
            return replace(
                facts, alerts={**others, event.key: event.alert} if event.alert.is_active else others
            )
        case PathsChangedEvent():
            return _paths(facts, event.paths)
        case PathMoveChangedEvent():
            return replace(facts, place=replace(facts.place, is_moving=event.state in ("moving", "leaving")))
        case SupervisorStoppingEvent():
            return replace(facts, is_leaving=True)


def listed(facts: ReadinessFacts, answer: ModelsListedEvent, now: float) -> ReadinessFacts:
    """The facts after the downloader listed every model: one that it does not list does not exist."""
    names = {status.model_id for status in answer.models}
    for status in answer.models:
        facts = _state(facts, status, now)
    models = {model_id: status for model_id, status in facts.models.items() if model_id in names}
    place = replace(facts.place, served=answer.models_directory)
    is_elsewhere = place.active and place.active != place.served and not place.is_moving
    if is_elsewhere and not place.trouble:
        place = replace(place, trouble="path_mismatch", is_blocking=True, problem="")
    elif place.trouble == "path_mismatch" and not is_elsewhere:
        place = replace(place, trouble=None, is_blocking=False)
    return replace(facts, models=models, is_listed=True, installing=facts.installing & names, place=place)


def _paths(facts: ReadinessFacts, paths: list[PathStatus]) -> ReadinessFacts:
    """The facts after the directories changed. The next list shows whether the downloader uses them."""
    found = next((path for path in paths if path.category == "models"), None)
    if found is None:
        return facts
    place = replace(facts.place, active=found.path, trouble=None, is_blocking=False, problem="")
    for problem in found.problems:
        trouble, is_blocking = PATH_TROUBLES.get(problem.kind, (None, False))
        if trouble is not None and (place.trouble is None or (is_blocking and not place.is_blocking)):
            place = replace(place, trouble=trouble, is_blocking=is_blocking, problem=problem.message)
    return replace(facts, place=place, free_bytes=found.free_bytes)


def _state(facts: ReadinessFacts, status: ModelStatus, now: float) -> ReadinessFacts:
    model_id = status.model_id
    if facts.models.get(model_id) == status:
        return facts
    signs = after_state(facts.signs, facts.models.get(model_id), status, now)
    installing, progress = facts.installing, facts.progress
    if status.state in FETCHING:
        installing |= {model_id}
    elif status.state != "verifying":
        installing -= {model_id}
        progress = {known: event for known, event in progress.items() if known != model_id}
    return replace(
        facts,
        models={**facts.models, model_id: status},
        installing=installing,
        progress=progress,
        signs=signs,
    )
