"""What the store has to know of an app's settings, whichever way the app declares them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from bus.errors import OperatorError
from schemas.config import SettingProblem

if TYPE_CHECKING:
    from actors.shared.profile.profile import Profile

SIZE_LIMIT_BYTES: Final = 1024 * 1024
DEPTH_LIMIT: Final = 64
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
class FieldSpec:
    """What is declared about one setting.

    Attributes:
        default: plain data, as JSON knows it.
        is_user: a user may change it.
        needs_restart: a new value takes effect when its reader starts again.
        is_secret: its value belongs into the keychain.
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
class Judged:
    """What a schema says of values: every setting by dotted path, or the problems because of which there is none."""

    effective: Mapping[str, Any] = field(default_factory=dict, repr=False)
    problems: tuple[SettingProblem, ...] = ()


class SettingsSchema(Protocol):
    """The settings of an app: which there are, and which values they take."""

    @property
    def source(self) -> str:
        """Where they are declared; for people."""
        ...

    @property
    def fields(self) -> Mapping[str, FieldSpec]:
        """Every setting by dotted path, in the order of declaration."""
        ...

    @property
    def sections(self) -> Mapping[str, str]:
        """Title of each section by dotted path."""
        ...

    def judge(self, values: Mapping[str, Any]) -> Judged:
        """Lay values over the defaults, by dotted path, and see whether the whole is valid."""
        ...

    def judge_sections(self, values: Mapping[str, Any], paths: Iterable[str]) -> Judged | None:
        """Judge only those sections at the top that hold these settings, and tell what is in effect in them.

        None where that does not say whether the whole is valid: a rule goes across sections, or a setting is
        in none.
        """
        ...

    def document(self) -> dict[str, Any]:
        """Types and ranges, as JSON Schema."""
        ...


_SURROGATE = re.compile("[\ud800-\udfff]")


def load_schema(profile: Profile) -> SettingsSchema:
    """The settings that a profile declares, as a pydantic model or as JSON Schema.

    Raises:
        ProfileError: it declares none, or the model cannot be imported.
        SettingsSchemaWrong: a field has no valid default, or the schema is none.
    """
    if profile.settings.endswith(".json"):
        from actors.config_store.schema.json_schema import JsonSchema

        path = profile.directory / profile.settings
        return JsonSchema(_read(path), str(path))
    from actors.config_store.schema.pydantic_schema import PydanticSchema

    return PydanticSchema(profile.load_settings(), str(profile.directory / profile.settings))


def is_plain(value: Any, depth: int = DEPTH_LIMIT) -> bool:
    """Whether a value can be written as JSON and sent as MessagePack: nothing infinite, no bytes, no integer beyond 64 bits."""
    match value:
        case None | bool():
            return True
        case str():
            return _SURROGATE.search(value) is None
        case int():
            return -(1 << 63) <= value < 1 << 64
        case float():
            return math.isfinite(value)
        case list() | tuple():
            return depth > 0 and all(is_plain(item, depth - 1) for item in value)
        case dict():
            return depth > 0 and all(
                isinstance(name, str) and is_plain(name) and is_plain(item, depth - 1)
                for name, item in value.items()
            )
        case _:
            return False


def check_secret(spec: FieldSpec, source: str) -> None:
    """A secret is text, and has none as its default.

    Raises:
        SettingsSchemaWrong: the field is declared otherwise.
    """
    if spec.is_secret and spec.default not in ("", None):
        raise SettingsSchemaWrong(
            source,
            spec.path,
            "a secret has an empty default; expected '' or null, since a profile is no place for one",
        )


def _read(path: Path) -> Any:
    from actors.shared.durable.strict_json import NotStrictJson, parse

    try:
        with path.open("rb") as file:
            return parse(file.read(SIZE_LIMIT_BYTES + 1), SIZE_LIMIT_BYTES)
    except OSError as error:
        raise SettingsSchemaWrong(str(path), "", f"cannot be read: {error.strerror}") from error
    except NotStrictJson as error:
        raise SettingsSchemaWrong(str(path), "", str(error)) from error
