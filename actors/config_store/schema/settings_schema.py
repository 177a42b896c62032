"""The interface to an app's settings: which exist, what is declared about each, which values are valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from actors.config_store.dotted_paths import is_within
from bus.errors import OperatorError
from schemas.config import SettingProblem

SECRET: Final = "x-secret"  # noqa: S105  # the name of a marker
USER: Final = "x-user"
RESTART: Final = "x-restart"
"""Markers of a field, in `json_schema_extra` of a pydantic field or in JSON Schema itself."""


class SettingsSchemaWrong(OperatorError):
    """The app declares settings that cannot be used.

    Attributes:
        source: the file or class.
        path: dotted path of the setting; empty for the declaration as a whole.
        detail: what was expected and what was found.
    """

    source: str
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.source}: {self.path}: {self.detail}" if self.path else f"{self.source}: {self.detail}"


@dataclass(frozen=True)
class SettingSpec:
    """What the app declares about one setting.

    Attributes:
        default: plain data, as in JSON.
        is_user: a user may change it.
        needs_restart: a new value takes effect when its reader restarts.
        is_secret: the keychain keeps its value.
    """

    path: str
    title: str = ""
    description: str = ""
    default: Any = None
    is_user: bool = True
    needs_restart: bool = False
    is_secret: bool = False

    @property
    def section(self) -> str:
        """Dotted path of its section; empty at the top."""
        return self.path.rpartition(".")[0]


@dataclass(frozen=True)
class Validation:
    """What a schema says about values.

    Attributes:
        effective: the value of each setting by dotted path; empty if there are problems.
        problems: why the values are not valid.
    """

    effective: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problems: tuple[SettingProblem, ...] = ()


class SettingsSchema(Protocol):
    """The settings of an app: which exist, and which values they take."""

    @property
    def source(self) -> str:
        """Where they are declared; for people."""
        ...

    @property
    def specs(self) -> Mapping[str, SettingSpec]:
        """Each setting by dotted path, in the order of declaration."""
        ...

    @property
    def sections(self) -> Mapping[str, str]:
        """Title of each section by dotted path."""
        ...

    def validate(self, values: Mapping[str, Any]) -> Validation:
        """Put values, by dotted path, on top of the defaults and validate the result as a whole."""
        ...

    def validate_sections(self, values: Mapping[str, Any], paths: Iterable[str]) -> Validation | None:
        """Validate only the top-level sections that hold `paths`; the result covers those sections.

        None if that does not prove the whole valid: a rule spans sections, or a setting is in no section.
        """
        ...

    def as_json_schema(self) -> dict[str, Any]:
        """Types and ranges, as JSON Schema."""
        ...


def unknown_setting(schema: SettingsSchema, path: str) -> str:
    """Say that there is no such setting; empty if there is."""
    if path in schema.specs:
        return ""
    sections = sorted({known.split(".")[0] for known in schema.specs})
    return f"there is no setting {path[:200]!r}; sections are {', '.join(sections)}"


def may_show_secret(secrets: Iterable[str], path: str) -> bool:
    """Whether a message about the value at `path` could contain a secret; an empty path means the whole."""
    return any(not path or is_within(secret, path) or is_within(path, secret) for secret in secrets)


def check_secret(spec: SettingSpec, source: str) -> None:
    """Check that a secret has an empty default.

    Raises:
        SettingsSchemaWrong: it has another one.
    """
    if spec.is_secret and spec.default not in ("", None):
        raise SettingsSchemaWrong(
            source,
            spec.path,
            "a secret must have an empty default, '' or null: a profile is no place for secrets",
        )
