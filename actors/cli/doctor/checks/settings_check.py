"""Whether `config.json` and `locations.json` can be read, were written by this version, and name settings that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from actors.cli.doctor.problems import Place, Problem, places
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
class Facts:
    """The files of settings.

    Attributes:
        fault: why `config.json` cannot be used; empty if it can, or if there is none.
        format, settings_version: what it says of itself; None without a file.
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


def look(place: Place) -> Facts:
    """Read the files."""
    path = place.locations.config / NAME
    aside = tuple(str(found) for name in (NAME, CHOICES_NAME) for found in quarantined(path.with_name(name)))
    choices_fault = read_choices(place.locations.config).fault
    known_version = place.profile.settings_version if place.profile else 1
    profile_fault = place.profile_fault
    try:
        content = read_file(path, SIZE_LIMIT_BYTES)
        if content is None:
            return Facts(str(path), put_aside=aside, choices_fault=choices_fault, profile_fault=profile_fault)
        found = _document(content)
    except (FileUnreadable, ValueError) as error:
        return Facts(
            str(path),
            fault=str(error),
            put_aside=aside,
            choices_fault=choices_fault,
            profile_fault=profile_fault,
        )
    unknown: tuple[str, ...] = ()
    try:
        schema = schema_of(place.profile) if place.profile else None
        unknown = tuple(unknown_paths(found["overrides"], schema)) if schema is not None else ()
    except (UndercroftError, FileUnreadable, ValueError) as error:
        profile_fault = profile_fault or str(error)
    return Facts(
        str(path),
        "",
        found["format"],
        found.get("settings_version", 1),
        known_version,
        unknown,
        aside,
        choices_fault,
        profile_fault=profile_fault,
    )


def check(facts: Facts) -> list[Problem]:
    """What is wrong with them."""
    problems = []
    if facts.profile_fault:
        advice = "mend the profile, or name another one with --profile"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=f"the profile cannot be used: {facts.profile_fault}",
                advice=advice,
            )
        )
    if facts.fault:
        what, advice = (
            f"config.json cannot be used: {facts.fault}",
            "mend it, or move it away: defaults apply until then, and it is put aside at a start",
        )
        problems.append(Problem(check=CHECK, severity="error", what=what, where=facts.path, advice=advice))
    newer = [
        ("format", facts.format or 1, FORMAT),
        ("settings_version", facts.settings_version, facts.known_version),
    ]
    for name, found, known in newer:
        if found > known:
            what = f"config.json was written by a later version ({name}): it is read and never written"
            problems.append(
                Problem(
                    check=CHECK,
                    severity="warning",
                    what=what,
                    where=facts.path,
                    found=f"{found}",
                    expected=f"{known}",
                    advice="update the app",
                )
            )
    if facts.unknown:
        what, advice = (
            "config.json names settings that the app does not have; they do nothing",
            "remove them, or update the app",
        )
        problems.append(
            Problem(
                check=CHECK,
                severity="warning",
                what=what,
                where=facts.path,
                found=places(facts.unknown),
                advice=advice,
            )
        )
    if facts.put_aside:
        what = "settings that could not be read were put aside"
        advice = "take from them what is missing, then remove them"
        problems.append(
            Problem(check=CHECK, severity="warning", what=what, where=places(facts.put_aside), advice=advice)
        )
    if facts.choices_fault:
        advice = "see 'undercroft paths'"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=f"locations.json cannot be used: {facts.choices_fault}",
                advice=advice,
            )
        )
    return problems


def schema_of(profile: Profile) -> Mapping[str, Any] | None:
    """The JSON Schema of an app's settings; None if it declares none.

    Raises:
        ProfileError, FileUnreadable, ValueError: it cannot be had.
    """
    if not profile.settings:
        return None
    if profile.settings.endswith(".json"):
        content = read_file(profile.directory / profile.settings, SCHEMA_LIMIT_BYTES)
        found = strict_json.parse(content or b"", SCHEMA_LIMIT_BYTES)
        return found if isinstance(found, dict) else None
    return profile.load_settings().model_json_schema()


def unknown_paths(overrides: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterable[str]:
    """The dotted paths that a schema has no place for. A place that may hold anything knows all paths below it."""
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
    """Follow references, and single alternatives (`allOf` of one), as often as that makes sense."""
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
