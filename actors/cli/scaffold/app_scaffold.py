"""The files of a new app, by path. Pure, apart from reading the templates."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from actors.shared.profile.profile_schema import PROFILE_FILE, profile_schema
from actors.shared.version import VERSION
from bus.errors import OperatorError
from schemas.contract.json_schema_export import rendered

SidecarLanguage = Literal["python", "js"]
SettingsKind = Literal["python", "json-schema"]

TEMPLATES: Final = Path(__file__).with_name("templates")
EDITOR_SCHEMA: Final = PROFILE_FILE.removeprefix("undercroft.")
COMMON: Final = {
    "profile.toml": "profile.toml",
    "models.json": "models.json",
    "src/greeter.py": "greeter.py",
    "tests/test_greeter.py": "test_greeter.py",
    "conftest.py": "conftest.py",
    "pytest.ini": "pytest.ini",
    "README.md": "README.md",
}
"""Path of a file to the name of its template."""

SETTINGS: Final[dict[SettingsKind, tuple[str, str]]] = {
    "python": ("settings.py", "settings.py:Settings"),
    "json-schema": ("settings.schema.json", "settings.schema.json"),
}
SIDECARS: Final[dict[SidecarLanguage, tuple[dict[str, str], list[str]]]] = {
    "python": ({"tray.py": "tray.py"}, ["{python}", "-u", "tray.py"]),
    "js": ({"tray.mjs": "tray.mjs", "package.json": "package.json"}, ["node", "tray.mjs"]),
}
RESERVED_TOPICS: Final = frozenset({"app"})


class AppNameRefused(OperatorError):
    """A text cannot name an app.

    Attributes:
        name: the text.
    """

    name: str
    words = "{name!r} cannot name an app: expected a letter first, then letters, digits, blanks, '_' and '-'"


@dataclass(frozen=True)
class AppScaffold:
    """A new app.

    Attributes:
        name: of the app; its topics and packages are named after it.
        sidecar: language of the program beside the runtime.
        settings: how the settings are declared.
    """

    name: str
    sidecar: SidecarLanguage = "python"
    settings: SettingsKind = "python"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 _-]{0,39}", self.name):
            raise AppNameRefused(self.name)

    @property
    def topic(self) -> str:
        """What its topics begin with."""
        topic = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")
        return f"{topic}_app" if topic in _taken_topics() else topic

    def files(self) -> dict[str, str]:
        """Path to content of each file."""
        sidecar, command = SIDECARS[self.sidecar]
        settings_file, reference = SETTINGS[self.settings]
        values = {
            "NAME": self.name,
            "TITLE": self.name[0].upper() + self.name[1:],
            "TOPIC": self.topic,
            "NPM": self.topic.replace("_", "-"),
            "VERSION": VERSION,
            "SETTINGS": reference,
            "SETTINGS_FILE": settings_file,
            "COMMAND": json.dumps(command),
            "TRAY": next(iter(sidecar)),
        }
        named = {**COMMON, settings_file: settings_file, **sidecar}
        found = {path: _filled(template, values) for path, template in named.items()}
        return {**found, EDITOR_SCHEMA: rendered(profile_schema())}


def _filled(template: str, values: dict[str, str]) -> str:
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], text)


def _taken_topics() -> frozenset[str]:
    """What topics of Undercroft itself begin with."""
    from schemas.contract.registry import EVENTS

    return RESERVED_TOPICS | {topic.partition(".")[0] for topic in EVENTS}
