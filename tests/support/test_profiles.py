"""Profiles of tests are ones that the runtime takes."""

from __future__ import annotations

from pathlib import Path

from actors.runtime.supervisor.profile_children import children_of
from actors.shared.manifest import load_manifest
from actors.shared.profile.profile import read_profile
from tests.support.profiles import MANY_RESTARTS, bundled, write_counter_profile, write_profile


def test_children_are_bundled_actors_actors_of_the_app_or_commands(tmp_path: Path) -> None:
    directory = write_profile(
        tmp_path / "profile",
        "config_store",
        {"name": "worker", "entry": "worker:build", "intensity": 2},
        {"name": "sidecar", "command": ["sleep", "1"], "ready": "hello"},
        top={"allowlist": ["ui.*"]},
        tables='[[namespaces]]\nname = "notes"',
        modules={"worker.py": "x = 1"},
    )
    profile = read_profile(directory)
    _, store, worker, sidecar = children_of(profile)
    assert store.entry == "actors.config_store:build"
    assert (worker.entry, worker.path, worker.intensity) == ("worker:build", directory / ".", 2)
    assert (sidecar.command, sidecar.ready) == (("sleep", "1"), "hello")
    assert (directory / "worker.py").read_text() == "x = 1"


def test_the_profile_with_counters_has_settings_models_and_stores(tmp_path: Path) -> None:
    directory = write_counter_profile(tmp_path / "profile", [], bundled("readiness"))
    profile = read_profile(directory)
    names = [spec.name for spec in children_of(profile)]
    assert names == ["broker", "config_store", "model_verifier", "model_downloader", "readiness"]
    assert {spec.intensity for spec in children_of(profile)[1:4]} == {MANY_RESTARTS}
    assert profile.load_settings()().counters.first == 0  # type: ignore[attr-defined]
    assert profile.models is not None
    assert load_manifest(profile.models).models == []
