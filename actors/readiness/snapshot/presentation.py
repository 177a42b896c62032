"""What a frontend shows: setup prompt, progress, ways out of a failure, banner, toast. Pure.

Every text comes from the table of the language.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.readiness.snapshot.availability import CategoryStatus, ReadinessDeclaration
from actors.readiness.snapshot.checklist import durable_bytes_of, percent
from actors.readiness.snapshot.readiness_facts import ReadinessFacts
from actors.readiness.wording import Wording
from actors.shared.text import size_text
from schemas.bounds import INTEGER_LIMIT
from schemas.event import topic_of
from schemas.models import ModelStatus
from schemas.paths import PathChooseRequestEvent
from schemas.readiness import (
    Action,
    BundleModel,
    Notice,
    ProgressLine,
    ReadinessReportRequestEvent,
    ReadinessRetryRequestEvent,
    SetupPrompt,
    Step,
)


def setup_prompt(
    wanted: Iterable[CategoryStatus], facts: ReadinessFacts, declared: ReadinessDeclaration, words: Wording
) -> SetupPrompt | None:
    """The bundle of models to download, and what else has to be set up; None if there is nothing.

    Args:
        wanted: the categories of the bundle.
        facts: everything that is known.
        declared: what the app declares.
        words: the texts.
    """
    missing = [found for found in wanted if found.state == "missing"]
    if not missing:
        return None
    statuses = {
        found.model_id: found.model
        for found in missing
        if found.model is not None and not facts.is_usable(found.model_id)
    }
    models = [_bundled(status, facts) for status in statuses.values()]
    names = ", ".join(model.name for model in models)
    heading = (
        words.say("setup_heading", app=declared.title, models=names)
        if models
        else words.say("setup_heading_bare", app=declared.title)
    )
    others = [
        found.reason.text
        for found in missing
        if found.reason and found.reason.kind not in ("model_absent", "licence_due")
    ]
    return SetupPrompt(
        heading=heading,
        text="\n".join([*_download_texts(models, facts, words), *dict.fromkeys(others)]),
        location=facts.place.directory,
        models=models,
        size_bytes=min(INTEGER_LIMIT, sum(model.size_bytes for model in models)),
        missing_bytes=min(INTEGER_LIMIT, sum(model.missing_bytes for model in models)),
        free_bytes=facts.free_bytes,
        change=_change_path(facts, words),
    )


def _change_path(facts: ReadinessFacts, words: Wording) -> Action:
    return Action(
        name="change_path",
        title=words.say("action_change_path"),
        value=facts.place.directory,
        request=topic_of(PathChooseRequestEvent),
    )


def _report_action(key: str, words: Wording) -> Action:
    return Action(name="report", title=words.say(key), request=topic_of(ReadinessReportRequestEvent))


def _download_texts(models: list[BundleModel], facts: ReadinessFacts, words: Wording) -> list[str]:
    """How much is downloaded to where, whether it fits, and which licences have to be accepted."""
    if not models:
        return []
    missing = sum(model.missing_bytes for model in models)
    values = {"size": size_text(missing), "location": facts.place.directory}
    if facts.free_bytes is None:
        text = words.say("setup_text", **values)
    else:
        text = words.say(
            "setup_text_space" if missing <= facts.free_bytes else "setup_text_short",
            free=size_text(facts.free_bytes),
            **values,
        )
    due = [
        words.say("setup_licence", model=model.name, licence=model.licence, url=model.licence_url)
        for model in models
        if model.licence_due
    ]
    return [text, *due]


def _bundled(status: ModelStatus, facts: ReadinessFacts) -> BundleModel:
    return BundleModel(
        model_id=status.model_id,
        name=status.name,
        category=status.category,
        licence=status.licence,
        size_bytes=status.size_bytes,
        missing_bytes=max(0, status.size_bytes - durable_bytes_of(status, facts)),
        licence_due=status.licence_due,
        licence_url=facts.licence_urls.get(status.model_id, ""),
    )


def progress_lines(facts: ReadinessFacts, words: Wording) -> list[ProgressLine]:
    """One line for each model that is being installed."""
    return [
        _line(facts.models[model_id], facts, words)
        for model_id in sorted(facts.installing)
        if model_id in facts.models
    ]


def _line(status: ModelStatus, facts: ReadinessFacts, words: Wording) -> ProgressLine:
    latest = facts.progress.get(status.model_id)
    durable = durable_bytes_of(status, facts)
    done = percent(durable, status.size_bytes)
    return ProgressLine(
        model_id=status.model_id,
        name=status.name,
        percent=done,
        text=words.say("progress", model=status.name, percent=done),
        durable_bytes=durable,
        size_bytes=status.size_bytes,
        rate_bytes_per_second=latest.rate_bytes_per_second if latest else 0.0,
        seconds_left=latest.seconds_left if latest else None,
    )


def recovery_notice(
    broken: list[CategoryStatus], down: list[str], facts: ReadinessFacts, words: Wording
) -> Notice | None:
    """What is safe, then what can be done: retry, another directory, the report. None if nothing failed."""
    sentences = [_safety(found, words) for found in broken] + [
        words.say("safety_service", service=name) for name in down
    ]
    if not sentences:
        return None
    actions = [
        Action(name="retry", title=words.say("action_retry"), request=topic_of(ReadinessRetryRequestEvent)),
        _change_path(facts, words),
        _report_action("action_report", words),
    ]
    return Notice(text=" ".join(dict.fromkeys(sentences)), actions=actions)


def _safety(found: CategoryStatus, words: Wording) -> str:
    kind = found.model.problem_kind if found.model else ""
    key = (
        "damaged"
        if found.model and found.model.state == "damaged"
        else {"mismatch": "mismatch", "space": "space"}.get(kind, "failed")
    )
    return words.say(f"safety_{key}", model=found.name)


def banner_notice(step: Step, words: Wording) -> Notice:
    """A check or a problem lasts: what it is, and the report."""
    is_failed = step.status == "failed"
    text = (
        words.say("banner_trouble", step=step.title, detail=step.detail)
        if is_failed
        else words.say("banner", step=step.title)
    )
    report = _report_action("action_report", words)
    return Notice(text=text, actions=[report])


def toast_notice(fade_ms: int, words: Wording) -> Notice:
    """Everything is ready; the notice fades."""
    copy = _report_action("action_copy_report", words)
    return Notice(text=words.say("toast"), actions=[copy], fade_ms=fade_ms)
