"""A new app: whatever is chosen, it has no mistake, and all its texts are filled in."""

from __future__ import annotations

import re
import tomllib
from itertools import product
from pathlib import Path

import pytest

from actors.cli.profile_check.profile_examination import examine
from actors.cli.scaffold.app_scaffold import (
    TEMPLATES,
    AppNameRefused,
    AppScaffold,
    SettingsKind,
    SidecarLanguage,
)

SIDECARS: list[SidecarLanguage] = ["python", "js"]
KINDS: list[SettingsKind] = ["python", "json-schema"]
WAYS = list(product(SIDECARS, KINDS))


@pytest.mark.parametrize(("sidecar", "settings"), WAYS)
def test_a_new_app_has_no_mistakes(sidecar: SidecarLanguage, settings: SettingsKind, tmp_path: Path) -> None:
    for path, content in AppScaffold("My App", sidecar, settings).files().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    assert [str(mistake) for mistake in examine(tmp_path) if mistake.blocks] == []
    profile = tomllib.loads((tmp_path / "profile.toml").read_text(encoding="utf-8"))
    assert (profile["name"], profile["topics"]["namespaces"]) == ("My App", ["my_app.*"])


@pytest.mark.parametrize(("sidecar", "settings"), WAYS)
def test_nothing_is_left_to_fill_in(sidecar: SidecarLanguage, settings: SettingsKind) -> None:
    files = AppScaffold("probe", sidecar, settings).files()
    assert {path for path, content in files.items() if re.search("@[A-Z]+@", content)} == set()
    assert ("tray.mjs" in files) == (sidecar == "js") == ("package.json" in files)
    assert ("settings.py" in files) == (settings == "python")


def test_every_template_is_of_use() -> None:
    used = {path.rpartition("/")[2] for way in WAYS for path in AppScaffold("probe", *way).files()}
    assert {file.name.removesuffix(".txt") for file in TEMPLATES.iterdir()} == used - {"profile.schema.json"}


@pytest.mark.parametrize(
    ("name", "topic"), [("My-App 2", "my_app_2"), ("config", "config_app"), ("App", "app_app")]
)
def test_topics_are_its_own(name: str, topic: str) -> None:
    assert AppScaffold(name).topic == topic


@pytest.mark.parametrize("name", ["", "2x", "a/b", 'a"b', "a" * 41])
def test_a_text_that_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(AppNameRefused):
        AppScaffold(name)
