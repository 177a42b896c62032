"""Settings that an app declares as a pydantic model; sections are models themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from actors.config_store.dotted import is_within, nest
from actors.config_store.schema import RESTART, SECRET, USER, FieldSpec, Judged, SettingsSchemaWrong, check_secret
from schemas.config import SettingProblem


class PydanticSchema:
    """A model, seen as settings with dotted paths."""

    def __init__(self, model: type[BaseModel], source: str = "") -> None:
        """Look through the model.

        Raises:
            SettingsSchemaWrong: the model's own defaults are not valid, or a field is declared as it cannot be.
        """
        self.source = source or model.__qualname__
        self._model = model
        self.sections: dict[str, str] = {}
        found = dict(self._walk(model, ""))
        self._routes = [(path, tuple(path.split("."))) for path in found]
        try:
            defaults = self._effective({})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SettingsSchemaWrong(self.source, ".".join(map(str, first["loc"])), f"its default is not valid: {first['msg']}") from error
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

    def document(self) -> dict[str, Any]:
        """Types and ranges, as JSON Schema."""
        return self._model.model_json_schema()

    def _effective(self, values: Mapping[str, Any]) -> dict[str, Any]:
        plain = self._model.model_validate(nest(values)).model_dump(mode="json")
        effective = {}
        for path, parts in self._routes:
            value = plain
            for part in parts:
                value = value[part]
            effective[path] = value
        return effective

    def _problem(self, path: str, error: Any) -> SettingProblem:
        if any(is_within(secret, path) or is_within(path, secret) for secret in self._secrets) or (self._secrets and not path):
            return SettingProblem(path=path, problem=f"not taken ({error['type']}); the value is not shown, since it holds a secret")
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
