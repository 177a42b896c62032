"""Settings declared as a pydantic model. A section is a model within it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from actors.config_store.dotted_paths import nest
from actors.config_store.schema.settings_schema import (
    RESTART,
    SECRET,
    USER,
    SettingSpec,
    SettingsSchemaWrong,
    Validation,
    check_secret,
    may_show_secret,
)
from actors.shared.schema_words import pydantic_words
from schemas.config import SettingProblem

Route = tuple[str, tuple[str, ...]]
"""Dotted path of a setting, and the attribute names that lead to it."""

LOCAL_OPTIONS: Final = frozenset(
    {"extra", "title", "frozen", "json_schema_extra", "use_attribute_docstrings", "validate_assignment"}
)
"""Model options that affect neither the models inside nor the one around."""


class PydanticSchema:
    """A model, seen as settings with dotted paths."""

    def __init__(self, model: type[BaseModel], source: str = "") -> None:
        """Read the model.

        Args:
            model: what the app declares.
            source: where it is declared; for people.

        Raises:
            SettingsSchemaWrong: the defaults are not valid, or a secret has a default.
        """
        self.source = source or model.__qualname__
        self._model = model
        self.sections: dict[str, str] = {}
        found = dict(self._walk(model, ""))
        self._routes = [(path, tuple(path.split("."))) for path in found]
        self._own_sections = dict(_own_sections(model, self._routes))
        try:
            defaults = self._effective({})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SettingsSchemaWrong(
                self.source, ".".join(map(str, first["loc"])), f"its default is not valid: {first['msg']}"
            ) from error
        self.specs = {path: _spec(path, info, defaults[path]) for path, info in found.items()}
        for spec in self.specs.values():
            check_secret(spec, self.source)
        self._secrets = [path for path, spec in self.specs.items() if spec.is_secret]

    def validate(self, values: Mapping[str, Any]) -> Validation:
        """Put values on top of the defaults and validate the whole."""
        try:
            return Validation(self._effective(values))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            return Validation(
                problems=tuple(self._problem(".".join(map(str, one["loc"])), one) for one in found)
            )

    def validate_sections(self, values: Mapping[str, Any], paths: Iterable[str]) -> Validation | None:
        """Validate the sections that hold these settings; None if a rule of the model spans sections."""
        names = {path.partition(".")[0] for path in paths}
        if not names <= self._own_sections.keys():
            return None
        effective: dict[str, Any] = {}
        problems: list[SettingProblem] = []
        for name, (section, routes) in self._own_sections.items():
            if name not in names:
                continue
            within = nest({path[len(name) + 1 :]: values[path] for path, _ in routes if path in values})
            try:
                plain = section.model_validate(within).model_dump(mode="json")
            except ValidationError as error:
                found = error.errors(include_url=False, include_context=False)
                problems += [self._problem(".".join(map(str, (name, *one["loc"]))), one) for one in found]
            else:
                effective |= _pick(plain, routes)
        return Validation(effective, tuple(problems))

    def as_json_schema(self) -> dict[str, Any]:
        """Types and ranges, as JSON Schema."""
        return self._model.model_json_schema()

    def _effective(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return _pick(self._model.model_validate(nest(values)).model_dump(mode="json"), self._routes)

    def _problem(self, path: str, error: Any) -> SettingProblem:
        if may_show_secret(self._secrets, path):
            words = f"refused ({error['type']}); the value is not shown, because it holds a secret"
        else:
            words = f"{pydantic_words(error)}; found {repr(error['input'])[:100]}"
        return SettingProblem(path=path, problem=words)

    def _walk(self, model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
        for name, info in model.model_fields.items():
            path = prefix + name
            inner = info.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                self.sections[path] = info.title or name
                yield from self._walk(inner, path + ".")
            else:
                yield path, info


def _own_sections(
    model: type[BaseModel], routes: list[Route]
) -> Iterator[tuple[str, tuple[type[BaseModel], list[Route]]]]:
    """The top-level sections that can be validated alone, each with the routes of its settings from there."""
    core: Any = model.__pydantic_core_schema__
    core = core["schema"] if core["type"] == "definitions" else core
    if (
        core["type"] != "model"
        or core.get("custom_init")
        or core.get("post_init")
        or not _is_self_contained(model)
    ):
        return
    decorators = model.__pydantic_decorators__
    if any(getattr(decorators, kind.name) for kind in dataclasses.fields(decorators)):
        return
    for name, info in model.model_fields.items():
        inner = info.annotation
        if (
            isinstance(inner, type)
            and issubclass(inner, BaseModel)
            and not info.metadata
            and _is_self_contained(inner)
        ):
            yield name, (inner, [(path, parts[1:]) for path, parts in routes if parts[0] == name])


def _is_self_contained(model: type[BaseModel]) -> bool:
    """Whether the model is validated and dumped the same way alone, within another model, or around one."""
    return model.model_config.keys() <= LOCAL_OPTIONS


def _pick(plain: Any, routes: list[Route]) -> dict[str, Any]:
    found = {}
    for path, parts in routes:
        value = plain
        for part in parts:
            value = value[part]
        found[path] = value
    return found


def _spec(path: str, info: FieldInfo, default: Any) -> SettingSpec:
    extra = info.json_schema_extra
    marks: Mapping[str, Any] = extra if isinstance(extra, dict) else {}
    return SettingSpec(
        path=path,
        title=info.title or path.rpartition(".")[2],
        description=info.description or "",
        default=default,
        is_user=bool(marks.get(USER, True)),
        needs_restart=bool(marks.get(RESTART, False)),
        is_secret=bool(marks.get(SECRET, False)) or info.annotation is SecretStr,
    )
