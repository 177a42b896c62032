"""The report has everything that somebody who helps wants to see, as plain text."""

from __future__ import annotations

import pytest

from actors.readiness.readiness_report import report_text
from actors.readiness.snapshot.readiness_facts import ReadinessFacts, learn
from schemas.models import ModelVerificationFailedEvent, VerificationFinding
from tests.support.readiness_lab import (
    DECLARED,
    ENGLISH,
    NOW,
    WORDS,
    actor_event,
    alert_event,
    facts_of,
    snapshot_of,
    status,
)


def report(facts: ReadinessFacts, locale: str = "en") -> str:
    return report_text(snapshot_of(facts), facts, DECLARED, WORDS.choose(locale), NOW)


@pytest.mark.requirement("S1-5", "S1-16", "S1-37")
def test_modes_steps_models_paths_and_warning_signs_are_told_in_words() -> None:
    broken = [VerificationFinding(path="f", aspect="sha256", found="x", expected="y")]
    alert = alert_event("It burns.", "Run.")
    facts = facts_of(
        status("base", "installed", revision="r1"),
        status(
            "chat", "failed", problem="sha256 is x, expected y", problem_kind="mismatch", durable_bytes=500
        ),
        status("voice", "failed", problem="no space left", problem_kind="space"),
        events=(
            ModelVerificationFailedEvent(model_id="chat", findings=broken),
            actor_event("model_downloader", "ready"),
            alert,
        ),
    )
    text = report(facts)
    for expected in (
        "Readiness report of Dictation, 2023-11-14 22:13:20Z",
        "State: Partly ready: Dictation can be used, Assistant cannot. "
        "(degraded, since 2023-11-14 22:13:20Z)",
        "  Dictation: available\n    The output is raw text",
        "  Assistant: not available\n    Chat could not be installed: sha256 is x, expected y",
        "  Speech to text: Base [passed, 0.000 s]",
        "  Base (base, stt): installed, 1.0 kB, MIT, revision r1",
        "  Chat (chat, llm): failed 50 %, 1.0 kB, MIT\n    sha256 is x, expected y",
        "  models: /models (1.0 GB free)",
        "  Chat: files with the wrong SHA-256 (1 x). The source or the disk may be damaged",
        "  Voice: the disk was full during the download (1 x).",
        "  model_downloader: ready",
        "  [error] It burns. Run.",
    ):
        assert expected in text, expected


def test_what_an_alert_advises_stands_apart_from_what_is_wrong() -> None:
    alert = alert_event("it burns", "run")
    assert "[error] it burns; run\n" in report(facts_of(events=(alert,)))


def test_an_empty_section_says_so() -> None:
    assert "Warning signs:\n  none\n" in report(facts_of())


def test_it_comes_in_other_languages() -> None:
    assert "Bereitschaftsbericht von Dictation" in report(facts_of(), "de")


def test_a_place_with_a_problem_is_told() -> None:
    from tests.support.readiness_lab import paths_event

    assert "/models: removed_drive" in report(learn(facts_of(), paths_event(problem="removed_drive"), NOW))
    assert ENGLISH.locale == "en"
