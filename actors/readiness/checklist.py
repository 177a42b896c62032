"""The steps of the check: what is looked at, how far it is, since when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actors.readiness.availability import CategoryStanding, Declared
from actors.readiness.readiness_facts import SERVICES, Facts
from actors.readiness.wording import Wording
from schemas.models import ModelStatus
from schemas.readiness import Step, StepStatus

DOWN_STATES = ("failed", "backoff")


def percent(durable_bytes: int, size_bytes: int) -> int:
    """Share of the bytes that are durable, 0 to 100; 100 only when all are."""
    return 100 if durable_bytes >= size_bytes else durable_bytes * 100 // size_bytes


def durable_bytes_of(status: ModelStatus, facts: Facts) -> int:
    """How much of a model is durable by the newest word on it; nothing counts twice while an update replaces a whole one."""
    told = facts.progress.get(status.model_id)
    return told.durable_bytes if told is not None else status.durable_bytes


def steps_of(
    facts: Facts, declared: Declared, standings: Iterable[tuple[CategoryStanding, bool]], words: Wording
) -> Iterator[Step]:
    """The checklist of now, without times."""
    yield _settings(facts, declared, words)
    yield _storage(facts, words)
    yield _services(facts, words)
    for standing, is_required in standings:
        yield _model(standing, is_required, facts, words)


def timed(steps: Iterable[Step], former: Iterable[Step], now: float) -> list[Step]:
    """The same steps with the times at which they began and ended, as far as the former checklist knows them."""
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


def _settings(facts: Facts, declared: Declared, words: Wording) -> Step:
    status: StepStatus = "passed" if facts.settings is not None else "running"
    detail = "" if status == "passed" else _service_detail(facts, ("config_store",), words)
    if not declared.has_settings:
        status, detail = "skipped", ""
    elif status == "running" and _is_failed(facts, ("config_store",)):
        status = "failed"
    return Step(id="settings", title=words.say("step_settings"), status=status, detail=detail)


def _storage(facts: Facts, words: Wording) -> Step:
    place = facts.place
    status: StepStatus = "running" if not place.directory or place.is_moving else "passed"
    if place.trouble is not None:
        status = "failed"
    return Step(
        id="storage", title=words.say("step_storage"), status=status, detail=place.problem or place.directory
    )


def _services(facts: Facts, words: Wording) -> Step:
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


def _down(facts: Facts, names: Iterable[str]) -> list[str]:
    return [name for name in names if name in facts.services and facts.services[name].state in DOWN_STATES]


def _is_failed(facts: Facts, names: Iterable[str]) -> bool:
    return any(facts.services[name].state == "failed" for name in _down(facts, names))


def _service_detail(facts: Facts, names: Iterable[str], words: Wording) -> str:
    return "; ".join(
        words.say("detail_service", service=name, state=facts.services[name].state)
        for name in _down(facts, names)
    )


def _model(found: CategoryStanding, is_required: bool, facts: Facts, words: Wording) -> Step:
    category = words.name_of(found.category)
    title = (
        words.say("step_model", category=category, model=found.name)
        if found.model_id
        else words.say("step_no_model", category=category)
    )
    status, detail = _model_status(found, is_required, facts, words)
    return Step(id=f"model.{found.category}", title=title, status=status, detail=detail)


def _model_status(
    found: CategoryStanding, is_required: bool, facts: Facts, words: Wording
) -> tuple[StepStatus, str]:
    match found.standing:
        case "usable":
            return "passed", words.say("detail_in_use") if found.status and found.status.held_by else ""
        case "checking":
            is_known = found.status is not None
            return (
                ("running", words.say("detail_verifying"))
                if is_known
                else ("waiting", words.say("detail_waiting"))
            )
        case "arriving":
            assert found.status is not None, "only a known model can be on its way"
            if found.status.state == "verifying":
                return "running", words.say("detail_verifying")
            return "running", words.say(
                "detail_downloading",
                percent=percent(durable_bytes_of(found.status, facts), found.status.size_bytes),
            )
        case "missing" if not is_required:
            return "skipped", words.say("detail_optional")
        case "missing" | "broken":
            return "failed", found.reason.text if found.reason else ""
