"""The models conversation: what is retained, and what a frontend can rely on."""

from __future__ import annotations

from typing import get_args

import pytest

from schemas import models
from schemas.event import Request, retained_key_of


def test_the_last_state_of_each_model_is_retained() -> None:
    status = models.ModelStatus(
        model_id="tiny",
        name="Tiny",
        category="stt",
        licence="MIT",
        state="installed",
        size_bytes=3,
        durable_bytes=3,
    )
    assert retained_key_of(models.ModelStateChangedEvent(model_id="tiny", status=status)) == "tiny"


def test_progress_is_not_retained_since_the_state_says_how_far_a_model_is() -> None:
    assert models.ModelDownloadProgressedEvent.retained_by is None


@pytest.mark.requirement("S1-23")
def test_whatever_changes_a_model_on_disk_is_a_request_to_its_one_owner() -> None:
    asked = {
        event
        for event in vars(models).values()
        if isinstance(event, type) and issubclass(event, Request) and event is not Request
    }
    assert {
        models.ModelInstallRequestEvent,
        models.ModelCancelRequestEvent,
        models.ModelRemoveRequestEvent,
    } <= asked


def test_a_model_that_is_not_whole_is_never_called_installed() -> None:
    assert {"downloading", "partial", "verifying", "damaged", "failed"} <= set(
        get_args(models.ModelState)
    ) - {"installed"}
