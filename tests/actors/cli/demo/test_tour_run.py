"""The stage of a tour is set, and cleared away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.cli.demo import tour_run as visit_module
from actors.cli.demo.tour_fixtures import synthetic_exhibit
from actors.cli.demo.tour_run import HomeTaken, visit
from actors.cli.views.tour_view import SilentView


def test_a_home_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(HomeTaken, match="is not empty"):
        visit(SilentView(), home=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="real runtimes are started on Linux only")
def test_a_throwaway_home_is_gone_afterwards_unless_it_is_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit_module.tempfile, "tempdir", str(tmp_path))
    options = {"exhibits": [synthetic_exhibit(6 << 20)], "rate_bytes_per_second": 6 << 20}
    thrown_away = visit(SilentView(), **options)  # type: ignore[arg-type]
    assert thrown_away.ok, thrown_away
    assert not Path(thrown_away.home).exists()
    kept = visit(SilentView(), keep=True, **options)  # type: ignore[arg-type]
    assert kept.ok, kept
    assert kept.notes == [f"Everything is kept in {kept.home}."]
    assert (Path(kept.home) / "models" / "synthetic-speech" / "weights.bin").stat().st_size == 6 << 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="real runtimes are started on Linux only")
def test_without_the_wheel_a_synthetic_file_is_shown_alone_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit_module, "silero_exhibit", lambda: None)
    monkeypatch.setattr(visit_module, "synthetic_exhibit", lambda: synthetic_exhibit(6 << 20))
    report = visit(SilentView(), home=str(tmp_path / "home"), rate_bytes_per_second=6 << 20)
    assert report.ok, report
    assert report.notes[0] == visit_module.NO_SILERO
    assert (tmp_path / "home" / "models").is_dir()
