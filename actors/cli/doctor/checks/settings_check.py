"""Checks that `config.json` and `locations.json` are readable, and name settings that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, listed, warning
from actors.shared.durable import strict_json
from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.durable.quarantine import quarantined
from actors.shared.locations.location_choices import CHOICES_NAME, read_choices
from actors.shared.profile.profile import Profile
from bus.errors import UndercroftError

CHECK: Final = "config"
NAME: Final = "config.json"
FORMAT: Final = 1
SIZE_LIMIT_BYTES: Final = 4 * 1024 * 1024
SCHEMA_LIMIT_BYTES: Final = 1024 * 1024
STEPS_LIMIT: Final = 64


@dataclass(frozen=True)
class SettingsFacts:
    """The files of settings.

    Attributes:
        fault: why `config.json` cannot be used; empty if it can, or if there is none.
        format: its format; None without a file.
        settings_version: version of the settings in it.
        known_version: version of the settings that the app declares.
        unknown: dotted paths in it that the app does not declare.
        put_aside: former contents that could not be read.
        choices_fault: why `locations.json` cannot be used.
        profile_fault: why the profile cannot be used.
    """

    path: str
    fault: str = ""
    format: int | None = None
    settings_version: int = 1
    known_version: int = 1
    unknown: tuple[str, ...] = ()
    put_aside: tuple[str, ...] = ()
    choices_fault: str = ""
    profile_fault: str = ""


def look(home: ExaminedHome) -> SettingsFacts:
    """Read the files."""
    path = home.locations.config / NAME
    put_aside = tuple(
        str(found) for name in (NAME, CHOICES_NAME) for found in quarantined(path.with_name(name))
    )
    facts = SettingsFacts(
        str(path),
        known_version=home.profile.settings_version if home.profile else 1,
        put_aside=put_aside,
        choices_fault=read_choices(home.locations.config).fault,
        profile_fault=home.profile_fault,
    )
    try:
        content = read_file(path, SIZE_LIMIT_BYTES, follows_link=True)
        if content is None:
            return facts
        found = _document(content)
    except (FileUnreadable, ValueError) as reason:
        return replace(facts, fault=str(reason))
    facts = replace(facts, format=found["format"], settings_version=found.get("settings_version", 1))
    try:
        schema = schema_of(home.profile) if home.profile else None
    except (UndercroftError, FileUnreadable, ValueError) as reason:
        return replace(facts, profile_fault=facts.profile_fault or str(reason))
    return replace(facts, unknown=tuple(unknown_paths(found["overrides"], schema))) if schema else facts


def check(facts: SettingsFacts) -> list[Problem]:
    """Report what is wrong with them."""
    return [*_judge_profile(facts), *_judge_config(facts), *_judge_others(facts)]


def _judge_profile(facts: SettingsFacts) -> Iterator[Problem]:
    if facts.profile_fault:
        advice = "correct the profile, or name another one with --profile"
        yield error(check=CHECK, what=f"the profile cannot be used: {facts.profile_fault}", advice=advice)


def _judge_config(facts: SettingsFacts) -> Iterator[Problem]:
    if facts.fault:
        what = f"config.json cannot be used: {facts.fault}"
        advice = "correct it, or move it away; until then defaults apply, and the next start puts it aside"
        yield error(check=CHECK, what=what, where=facts.path, advice=advice)
    for name, found, known in (
        ("format", facts.format or 1, FORMAT),
        ("settings_version", facts.settings_version, facts.known_version),
    ):
        if found > known:
            yield warning(
                check=CHECK,
                what=f"a later version wrote config.json ({name}): it is read, but never written",
                where=facts.path,
                found=f"{found}",
                expected=f"{known}",
                advice="update the app",
            )
    if facts.unknown:
        yield warning(
            check=CHECK,
            what="config.json names settings that the app does not have; they have no effect",
            where=facts.path,
            found=listed(facts.unknown),
            advice="remove them, or update the app",
        )


def _judge_others(facts: SettingsFacts) -> Iterator[Problem]:
    if facts.put_aside:
        what, advice = "unreadable settings were put aside", "save what can be saved, then remove them"
        yield warning(check=CHECK, what=what, where=listed(facts.put_aside), advice=advice)
    if facts.choices_fault:
        what = f"locations.json cannot be used: {facts.choices_fault}"
        yield error(check=CHECK, what=what, advice="see 'undercroft paths'")


def schema_of(profile: Profile) -> Mapping[str, Any] | None:
    """The JSON Schema of an app's settings; None if it declares none.

    Raises:
        ProfileError: the model of the settings cannot be loaded.
        FileUnreadable: the file with the schema cannot be read.
        ValueError: it is not JSON.
    """
    from actors.shared.profile.actor_settings import extended_model, extended_schema

    if not profile.has_settings:
        return None
    if profile.settings.endswith(".json"):
        content = read_file(profile.directory / profile.settings, SCHEMA_LIMIT_BYTES, follows_link=True)
        found = strict_json.parse(content or b"", SCHEMA_LIMIT_BYTES)
        return extended_schema(found, profile.settings_of) if isinstance(found, dict) else None
    model = profile.load_settings() if profile.settings else None
    return extended_model(model, profile.settings_of).model_json_schema()


def unknown_paths(overrides: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterable[str]:
    """The dotted paths that a schema does not declare. Free-form objects declare all below them."""
    return sorted(path for path in overrides if not _knows(schema, path.split(".")[:STEPS_LIMIT]))


def _knows(schema: Mapping[str, Any], parts: list[str]) -> bool:
    node: Any = schema
    for part in parts:
        node = _resolved(schema, node)
        properties = node.get("properties") if isinstance(node, dict) else None
        if not isinstance(properties, dict):
            return True
        if part not in properties:
            return bool(node.get("additionalProperties", False))
        node = properties[part]
    return True


def _resolved(schema: Mapping[str, Any], node: Any) -> Any:
    """Follow references and single alternatives (`allOf` of one), a limited number of times."""
    for _ in range(STEPS_LIMIT):
        if not isinstance(node, dict):
            return {}
        if isinstance(node.get("allOf"), list) and len(node["allOf"]) == 1:
            node = node["allOf"][0]
        elif isinstance(node.get("$ref"), str) and node["$ref"].startswith("#/"):
            target: Any = schema
            for step in node["$ref"][2:].split("/"):
                target = target.get(step, {}) if isinstance(target, dict) else {}
            node = target
        else:
            return node
    return {}


def _document(content: bytes) -> dict[str, Any]:
    found = strict_json.parse(content, SIZE_LIMIT_BYTES)
    if not isinstance(found, dict) or not isinstance(found.get("overrides"), dict):
        raise ValueError("expected an object with an object 'overrides'")
    for name in ("format", "settings_version"):
        number = found.get(name, 1 if name != "format" else None)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError(f"expected a positive integer '{name}', found {type(number).__name__}")
    return found
