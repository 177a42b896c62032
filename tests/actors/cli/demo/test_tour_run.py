"""A tour is prepared, and cleared away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.cli.demo import tour_run
from actors.cli.demo.tour_models import synthetic_model
from actors.cli.demo.tour_run import HomeTaken, run_tour
from actors.cli.views.tour_view import SilentTourView


def test_a_home_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(HomeTaken, match="is not empty"):
        run_tour(SilentTourView(), home=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="real runtimes are started on Linux only")
def test_a_throwaway_home_is_gone_afterwards_unless_it_is_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tour_run.tempfile, "tempdir", str(tmp_path))
    options = {"models": [synthetic_model(6 << 20)], "rate_bytes_per_second": 6 << 20}
    thrown_away = run_tour(SilentTourView(), **options)  # type: ignore[arg-type]
    assert thrown_away.ok, thrown_away
    assert not Path(thrown_away.home).exists()
    kept = run_tour(SilentTourView(), keep=True, **options)  # type: ignore[arg-type]
    assert kept.ok, kept
    assert kept.notes == [f"Everything is kept in {kept.home}."]
    assert (Path(kept.home) / "models" / "synthetic-speech" / "weights.bin").stat().st_size == 6 << 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="real runtimes are started on Linux only")
def test_without_the_wheel_a_synthetic_file_is_shown_alone_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tour_run, "silero_model", lambda: None)
    monkeypatch.setattr(tour_run, "synthetic_model", lambda: synthetic_model(6 << 20))
    report = run_tour(SilentTourView(), home=str(tmp_path / "home"), rate_bytes_per_second=6 << 20)
    assert report.ok, report
    assert report.notes[0] == tour_run.NO_SILERO
    assert (tmp_path / "home" / "models").is_dir()
