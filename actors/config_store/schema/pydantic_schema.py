"""Settings that an app declares as a pydantic model; sections are models themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from actors.config_store.dotted_paths import is_within, nest
from actors.config_store.schema.settings_schema import (
    RESTART,
    SECRET,
    USER,
    FieldSpec,
    Judged,
    SettingsSchemaWrong,
    check_secret,
)
from schemas.config import SettingProblem

Route = tuple[str, tuple[str, ...]]
"""Dotted path of a setting, and the names on the way to it."""

INDIFFERENT: Final = frozenset(
    {"extra", "title", "frozen", "json_schema_extra", "use_attribute_docstrings", "validate_assignment"}
)
"""Options of a model that say nothing of the models within it, nor of the one around it."""


class PydanticSchema:
    """A model, seen as settings with dotted paths."""

    def __init__(self, model: type[BaseModel], source: str = "") -> None:
        """Look through the model.

        Raises:
            SettingsSchemaWrong: the model's own defaults are not valid, or a field is declared as it cannot
                be.
        """
        self.source = source or model.__qualname__
        self._model = model
        self.sections: dict[str, str] = {}
        found = dict(self._walk(model, ""))
        self._routes = [(path, tuple(path.split("."))) for path in found]
        self._sections = dict(_sections(model, self._routes))
        try:
            defaults = self._effective({})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SettingsSchemaWrong(
                self.source, ".".join(map(str, first["loc"])), f"its default is not valid: {first['msg']}"
            ) from error
        self.fields = {path: _spec(path, info, defaults[path]) for path, info in found.items()}
        for spec in self.fields.values():
            check_secret(spec, self.source)
        self._secrets = [path for path, spec in self.fields.items() if spec.is_secret]

    def judge(self, values: Mapping[str, Any]) -> Judged:
        """Lay values over the defaults and validate the whole."""
        try:
            return Judged(self._effective(values))
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            return Judged(problems=tuple(self._problem(".".join(map(str, one["loc"])), one) for one in found))

    def judge_sections(self, values: Mapping[str, Any], paths: Iterable[str]) -> Judged | None:
        """Judge the sections that hold these settings; None where the model has rules across sections."""
        names = {path.partition(".")[0] for path in paths}
        if not names <= self._sections.keys():
            return None
        effective: dict[str, Any] = {}
        problems: list[SettingProblem] = []
        for name, (section, routes) in self._sections.items():
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
        return Judged(effective, tuple(problems))

    def document(self) -> dict[str, Any]:
        """Types and ranges, as JSON Schema."""
        return self._model.model_json_schema()

    def _effective(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return _pick(self._model.model_validate(nest(values)).model_dump(mode="json"), self._routes)

    def _problem(self, path: str, error: Any) -> SettingProblem:
        if any(is_within(secret, path) or is_within(path, secret) for secret in self._secrets) or (
            self._secrets and not path
        ):
            return SettingProblem(
                path=path,
                problem=f"not taken ({error['type']}); the value is not shown, since it holds a secret",
            )
        return SettingProblem(path=path, problem=f"{error['msg']}; found {repr(error['input'])[:100]}")

    def _walk(self, model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
        for name, info in model.model_fields.items():
            path = prefix + name
            inner = info.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                self.sections[path] = info.title or name
                yield from self._walk(inner, path + ".")
            else:
                yield path, info


def _sections(
    model: type[BaseModel], routes: list[Route]
) -> Iterator[tuple[str, tuple[type[BaseModel], list[Route]]]]:
    """The sections at the top that can be judged by themselves, with their settings and the way to each from there."""
    core: Any = model.__pydantic_core_schema__
    core = core["schema"] if core["type"] == "definitions" else core
    if (
        core["type"] != "model"
        or core.get("custom_init")
        or core.get("post_init")
        or not _is_indifferent(model)
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
            and _is_indifferent(inner)
        ):
            yield name, (inner, [(path, parts[1:]) for path, parts in routes if parts[0] == name])


def _is_indifferent(model: type[BaseModel]) -> bool:
    """Whether the model is validated and told in the same way by itself as within another one, or around one."""
    return model.model_config.keys() <= INDIFFERENT


def _pick(plain: Any, routes: list[Route]) -> dict[str, Any]:
    found = {}
    for path, parts in routes:
        value = plain
        for part in parts:
            value = value[part]
        found[path] = value
    return found


def _spec(path: str, info: FieldInfo, default: Any) -> FieldSpec:
    extra = info.json_schema_extra
    marks: Mapping[str, Any] = extra if isinstance(extra, dict) else {}
    return FieldSpec(
        path=path,
        title=info.title or path.rpartition(".")[2],
        description=info.description or "",
        default=default,
        is_user=bool(marks.get(USER, True)),
        needs_restart=bool(marks.get(RESTART, False)),
        is_secret=bool(marks.get(SECRET, False)) or info.annotation is SecretStr,
    )
