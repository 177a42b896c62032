"""The context of the downloader comes from what the app declares, and from where its files lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from actors.model_downloader.downloader_context import DownloaderContext
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import find_profile, read_profile
from tests.support.actor_contexts import context_without_bus

PROFILE = read_profile(find_profile("dictation"))


def test_context_names_the_models_of_the_profile_and_the_directories_of_the_home(tmp_path: Path) -> None:
    locations = locate("test", home=tmp_path)
    context = DownloaderContext.of(context_without_bus("model_downloader", locations, PROFILE))
    assert "silero-vad" in {entry.id for entry in context.manifest.models}
    assert context.models == context.default_models == locations.models
    assert context.state == locations.state / "model_downloader"
    assert context.owner == "model_downloader of dictation"


def test_chosen_directory_is_told_from_the_default_one(tmp_path: Path) -> None:
    defaults = locate("test", home=tmp_path)
    chosen = dataclasses.replace(defaults, models=tmp_path / "big")
    context = DownloaderContext.of(context_without_bus("model_downloader", chosen, PROFILE, defaults))
    assert (context.models, context.default_models) == (tmp_path / "big", defaults.models)


def test_app_without_models_has_an_empty_manifest(tmp_path: Path) -> None:
    profile = dataclasses.replace(PROFILE, models=None)
    context = DownloaderContext.of(
        context_without_bus("model_downloader", locate("test", home=tmp_path), profile)
    )
    assert context.manifest.models == []
