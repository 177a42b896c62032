"""How installs are shown, without an install."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.cli.views.install_view import BarInstallView, JsonInstallView, LineInstallView, percent, view_for
from schemas.models import ModelDownloadProgressedEvent, ModelState, ModelStatus


def _progress(durable_bytes: int) -> ModelDownloadProgressedEvent:
    return ModelDownloadProgressedEvent(
        model_id="m",
        name="Model",
        attempt=1,
        durable_bytes=durable_bytes,
        size_bytes=1000,
        rate_bytes_per_second=1.0,
        seconds_left=None,
        staging_directory="/x",
        files=[],
    )


@given(st.integers(0, 10**13), st.integers(1, 10**13))
def test_percent_stays_within_0_and_100_and_says_100_only_when_all_is_there(
    durable_bytes: int, size_bytes: int
) -> None:
    shown = percent(durable_bytes, size_bytes)
    assert 0 <= shown <= 100
    assert (shown == 100) == (durable_bytes >= size_bytes)


def test_bars_for_a_terminal_lines_for_a_log_documents_for_a_program() -> None:
    assert isinstance(view_for(as_json=False, is_terminal=True), BarInstallView)
    assert isinstance(view_for(as_json=False, is_terminal=False), LineInstallView)
    assert isinstance(view_for(as_json=True, is_terminal=True), JsonInstallView)


def test_a_log_gets_one_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineInstallView()
    for durable_bytes in (0, 50, 99, 100, 150, 990, 1000):
        view.progress(_progress(durable_bytes))
    assert capsys.readouterr().out.splitlines() == [
        "Model: 0 %",
        "Model: 10 %",
        "Model: 99 %",
        "Model: 100 %",
    ]


def test_a_state_that_is_told_twice_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    view = LineInstallView()
    states: tuple[ModelState, ...] = ("queued", "queued", "downloading", "queued")
    for state in states:
        view.state(
            ModelStatus(
                model_id="m",
                name="Model",
                category="stt",
                licence="MIT",
                state=state,
                size_bytes=1,
                durable_bytes=0,
            )
        )
    assert capsys.readouterr().out.splitlines() == ["Model: queued", "Model: downloading", "Model: queued"]
