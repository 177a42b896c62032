"""Manifests, sources and wording: every wrong entry is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from actors.cli.profile_check.mistake import Mistake
from actors.cli.profile_check.model_mistakes import model_mistakes
from actors.shared.profile.profile import read_profile
from tests.support.profiles import write_profile

FILE = {"path": "m.bin", "size_bytes": 1, "sha256": "0" * 64, "urls": ["https://example.org/m.bin"]}
ENTRY = {"id": "m", "name": "M", "category": "stt", "licence": "MIT", "files": [FILE]}
CATEGORY = '[readiness.categories.stt]\nmodel = "{}"'


def found_in(directory: Path, content: Any = None, tables: str = "", **top: Any) -> dict[str, Mistake]:
    text = content if isinstance(content, str) else json.dumps(content)
    files = {} if content is None else {"models.json": text}
    profile = read_profile(write_profile(directory, top=top, tables=tables, modules=files))
    return {f"{Path(one.file).name}: {one.place}": one for one in model_mistakes(profile)}


def manifest(*entries: Any) -> dict[str, Any]:
    return {"format": 1, "models": list(entries)}


def test_sound_models_have_none(tmp_path: Path) -> None:
    assert found_in(tmp_path, manifest(ENTRY), CATEGORY.format("m"), models="models.json") == {}


def test_every_wrong_entry_is_named(tmp_path: Path) -> None:
    wrong = {**ENTRY, "id": "A B"}, {"id": "n"}, {**ENTRY, "files": [{**FILE, "path": "../x"}]}
    found = found_in(tmp_path, manifest(ENTRY, *wrong), models="models.json")
    assert set(found) == {"models.json: models[1].id", "models.json: models[2]", "models.json: "}
    assert found["models.json: models[1].id"].problem == "expected 'str' of another form: 'A B'"


def test_a_file_that_is_no_manifest_is_named(tmp_path: Path) -> None:
    assert set(found_in(tmp_path, "{", models="models.json")) == {"models.json: "}
    assert set(found_in(tmp_path, "[]", models="models.json")) == {"models.json: "}
    assert set(found_in(tmp_path, models=["nope.json", "bundled:nope"])) == {"profile.toml: models"}


def test_a_model_that_no_manifest_has_is_named(tmp_path: Path) -> None:
    found = found_in(tmp_path, manifest(ENTRY), CATEGORY.format("n"), models="models.json")
    assert not found["profile.toml: readiness.categories.stt.model"].blocks


def test_sources_keys_and_wording_are_looked_at(tmp_path: Path) -> None:
    tables = '[sources]\nhf = "ftp://x"\n[manifest]\nkeys = ["x"]\n[wording.en]\nno_such_key = "x"'
    assert set(found_in(tmp_path, tables=tables)) == {
        "profile.toml: sources.hf",
        "profile.toml: manifest.keys[0]",
        "profile.toml: wording.en",
    }
