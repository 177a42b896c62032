"""The checklist: its steps, how far each one is, and since when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actors.readiness.snapshot.availability import CategoryStatus, ReadinessDeclaration
from actors.readiness.snapshot.readiness_facts import SERVICES, ReadinessFacts
from actors.readiness.wording import Wording
from schemas.models import ModelStatus
from schemas.readiness import Step, StepStatus

DOWN_STATES = ("failed", "backoff")


def percent(durable_bytes: int, size_bytes: int) -> int:
    """Share of the bytes that are durable, 0 to 100; 100 only if all are."""
    return 100 if durable_bytes >= size_bytes else durable_bytes * 100 // size_bytes


def durable_bytes_of(status: ModelStatus, facts: ReadinessFacts) -> int:
    """How many bytes of a model are durable, by the newest report; the former revision does not count."""
    latest = facts.progress.get(status.model_id)
    return latest.durable_bytes if latest is not None else status.durable_bytes


def steps_of(
    facts: ReadinessFacts,
    declared: ReadinessDeclaration,
    categories: Iterable[tuple[CategoryStatus, bool]],
    words: Wording,
) -> Iterator[Step]:
    """The steps of now, without times.

    Args:
        facts: everything that is known.
        declared: what the app declares.
        categories: the state of each category, and whether it is required.
        words: the texts.
    """
    yield _settings(facts, declared, words)
    yield _storage(facts, words)
    yield _services(facts, words)
    for found, is_required in categories:
        yield _model(found, is_required, facts, words)


def timed(steps: Iterable[Step], former: Iterable[Step], now: float) -> list[Step]:
    """The same steps with the times when they began and ended.

    Args:
        steps: the steps of now.
        former: the former checklist, with times.
        now: seconds since the Unix epoch.
    """
    known = {step.id: step for step in former}
    return [_timed(step, known.get(step.id), now) for step in steps]


def _timed(step: Step, before: Step | None, now: float) -> Step:
    started_at, ended_at = (before.started_at, before.ended_at) if before else (None, None)
    if step.status == "waiting":
        started_at, ended_at = None, None
    elif step.status == "running":
        started_at, ended_at = (now if before is None or before.status != "running" else started_at), None
    elif before is None or before.status != step.status:
        started_at, ended_at = (started_at if before is not None and before.status == "running" else now), now
    return _with(step, now if started_at is None and step.status != "waiting" else started_at, ended_at)


def _with(step: Step, started_at: float | None, ended_at: float | None) -> Step:
    return Step(
        id=step.id,
        title=step.title,
        status=step.status,
        started_at=started_at,
        ended_at=ended_at,
        detail=step.detail,
    )


def _settings(facts: ReadinessFacts, declared: ReadinessDeclaration, words: Wording) -> Step:
    status: StepStatus = "passed" if facts.settings is not None else "running"
    detail = "" if status == "passed" else _service_detail(facts, ("config_store",), words)
    if not declared.has_settings:
        status, detail = "skipped", ""
    elif status == "running" and _is_failed(facts, ("config_store",)):
        status = "failed"
    return Step(id="settings", title=words.say("step_settings"), status=status, detail=detail)


def _storage(facts: ReadinessFacts, words: Wording) -> Step:
    place = facts.place
    status: StepStatus = "running" if not place.directory or place.is_moving else "passed"
    if place.trouble is not None:
        status = "failed"
    return Step(
        id="storage", title=words.say("step_storage"), status=status, detail=place.problem or place.directory
    )


def _services(facts: ReadinessFacts, words: Wording) -> Step:
    others = SERVICES[1:]
    status: StepStatus = "passed" if facts.is_listed and not _down(facts, others) else "running"
    if _is_failed(facts, others):
        status = "failed"
    return Step(
        id="services",
        title=words.say("step_services"),
        status=status,
        detail=_service_detail(facts, others, words),
    )


def _down(facts: ReadinessFacts, names: Iterable[str]) -> list[str]:
    return [name for name in names if name in facts.services and facts.services[name].state in DOWN_STATES]


def _is_failed(facts: ReadinessFacts, names: Iterable[str]) -> bool:
    return any(facts.services[name].state == "failed" for name in _down(facts, names))


def _service_detail(facts: ReadinessFacts, names: Iterable[str], words: Wording) -> str:
    return "; ".join(
        words.say("detail_service", service=name, state=facts.services[name].state)
        for name in _down(facts, names)
    )


def _model(found: CategoryStatus, is_required: bool, facts: ReadinessFacts, words: Wording) -> Step:
    category = words.name_of(found.category)
    title = (
        words.say("step_model", category=category, model=found.name)
        if found.model_id
        else words.say("step_no_model", category=category)
    )
    status, detail = _model_status(found, is_required, facts, words)
    return Step(id=f"model.{found.category}", title=title, status=status, detail=detail)


def _model_status(
    found: CategoryStatus, is_required: bool, facts: ReadinessFacts, words: Wording
) -> tuple[StepStatus, str]:
    match found.state:
        case "usable":
            return "passed", words.say("detail_in_use") if found.model and found.model.held_by else ""
        case "checking":
            is_known = found.model is not None
            return (
                ("running", words.say("detail_verifying"))
                if is_known
                else ("waiting", words.say("detail_waiting"))
            )
        case "installing":
            assert found.model is not None, "only a known model can be installed"
            if found.model.state == "verifying":
                return "running", words.say("detail_verifying")
            return "running", words.say(
                "detail_downloading",
                percent=percent(durable_bytes_of(found.model, facts), found.model.size_bytes),
            )
        case "missing" if not is_required:
            return "skipped", words.say("detail_optional")
        case "missing" | "broken":
            return "failed", found.reason.text if found.reason else ""
