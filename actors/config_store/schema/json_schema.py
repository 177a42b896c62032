"""Settings declared as JSON Schema. A section is an object with `properties`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry

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
from actors.shared.schema_words import json_schema_words
from schemas.config import SettingProblem

PROBLEM_LIMIT: Final = 100
REFERENCE_LIMIT: Final = 32
LOCAL: Final = "#/"
LOCAL_KEYWORDS: Final = frozenset(
    {
        "$schema",
        "$id",
        "$defs",
        "$comment",
        "definitions",
        "title",
        "description",
        "default",
        "type",
        "properties",
        "required",
        "additionalProperties",
    }
)
"""A schema with only these at the top is valid if each property is: none is ever missing or unknown."""


class JsonSchema:
    """A JSON Schema (draft 2020-12), seen as settings with dotted paths.

    References must stay within the file; nothing is fetched.
    """

    def __init__(self, content: Any, source: str) -> None:
        """Read the schema.

        Args:
            content: the parsed file.
            source: the file; for people.

        Raises:
            SettingsSchemaWrong: it is not a schema, or a setting has no valid default.
        """
        self.source = source
        self.sections: dict[str, str] = {}
        if not isinstance(content, dict):
            raise SettingsSchemaWrong(source, "", f"expected an object, found {type(content).__name__}")
        self._content: dict[str, Any] = content
        try:
            Draft202012Validator.check_schema(content)
        except SchemaError as error:
            raise SettingsSchemaWrong(
                source, ".".join(map(str, error.absolute_path)), f"not a JSON Schema: {error.message}"
            ) from error
        self.specs = {spec.path: spec for spec in self._walk(content, "")}
        for spec in self.specs.values():
            check_secret(spec, source)
        self._defaults = {path: spec.default for path, spec in self.specs.items()}
        self._secrets = [path for path, spec in self.specs.items() if spec.is_secret]
        self._paths_by_section = _paths_by_section(content, self.specs)
        self._validator = Draft202012Validator(content, registry=Registry())
        wrong = self.validate({}).problems
        if wrong:
            raise SettingsSchemaWrong(source, wrong[0].path, f"its default is not valid: {wrong[0].problem}")

    def validate(self, values: Mapping[str, Any]) -> Validation:
        """Put values on top of the defaults and validate the whole."""
        whole = {**self._defaults, **values}
        errors = list(itertools.islice(self._validator.iter_errors(nest(whole)), PROBLEM_LIMIT))
        return Validation(problems=tuple(map(self._problem, errors))) if errors else Validation(whole)

    def validate_sections(self, values: Mapping[str, Any], paths: Iterable[str]) -> Validation | None:
        """Validate the sections that hold these settings; None if a rule of the schema spans sections."""
        names = {path.partition(".")[0] for path in paths}
        if not names <= self._paths_by_section.keys():
            return None
        within = {
            path: values.get(path, self._defaults[path])
            for name, paths in self._paths_by_section.items()
            if name in names
            for path in paths
        }
        properties = self._content["properties"]
        found = (
            self._validator.descend(value, properties[name], path=name)
            for name, value in nest(within).items()
        )
        errors = list(itertools.islice(itertools.chain.from_iterable(found), PROBLEM_LIMIT))
        return Validation(problems=tuple(map(self._problem, errors))) if errors else Validation(within)

    def as_json_schema(self) -> dict[str, Any]:
        """The schema itself."""
        return self._content

    def _problem(self, error: ValidationError) -> SettingProblem:
        path = ".".join(map(str, error.absolute_path))
        found = "the value is not shown, because it holds a secret"
        if not may_show_secret(self._secrets, path):
            found = f"found {repr(error.instance)[:100]}"
        return SettingProblem(path=path, problem=f"{json_schema_words(error)}; {found}")

    def _walk(self, schema: Mapping[str, Any], prefix: str) -> Iterator[SettingSpec]:
        for name, declared in schema.get("properties", {}).items():
            path = prefix + name
            if "." in name or not name:
                raise SettingsSchemaWrong(self.source, path, "the name of a setting must not contain a dot")
            found = self._resolved(declared, path)
            if isinstance(found.get("properties"), dict):
                if path.count(".") > REFERENCE_LIMIT:
                    raise SettingsSchemaWrong(
                        self.source, path[:200], "sections are nested too deeply, or refer to themselves"
                    )
                self.sections[path] = str(found.get("title", name))
                yield from self._walk(found, path + ".")
            elif "default" not in found:
                raise SettingsSchemaWrong(self.source, path, "expected a 'default': every setting needs one")
            else:
                yield _spec(path, found)

    def _resolved(self, declared: Any, path: str) -> Mapping[str, Any]:
        """The declaration with its references resolved; its own keywords win."""
        found: dict[str, Any] = dict(declared) if isinstance(declared, dict) else {}
        for _ in range(REFERENCE_LIMIT):
            reference = found.pop("$ref", None)
            if reference is None:
                return found
            if not str(reference).startswith(LOCAL):
                raise SettingsSchemaWrong(
                    self.source,
                    path,
                    f"expected a reference within the file, such as '#/$defs/x', found {reference!r}",
                )
            target: Any = self._content
            for part in str(reference)[len(LOCAL) :].split("/"):
                target = (
                    target.get(part.replace("~1", "/").replace("~0", "~"))
                    if isinstance(target, dict)
                    else None
                )
            if not isinstance(target, dict):
                raise SettingsSchemaWrong(self.source, path, f"there is nothing at {reference!r}")
            found = {**target, **found}
        raise SettingsSchemaWrong(self.source, path, "the reference leads back to itself")


def _paths_by_section(content: Mapping[str, Any], paths: Iterable[str]) -> dict[str, list[str]]:
    """The settings below each top-level name; empty if the schema has rules that span sections."""
    if not content.keys() <= LOCAL_KEYWORDS:
        return {}
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(path.partition(".")[0], []).append(path)
    return found


def _spec(path: str, found: Mapping[str, Any]) -> SettingSpec:
    return SettingSpec(
        path=path,
        title=str(found.get("title", path.rpartition(".")[2])),
        description=str(found.get("description", "")),
        default=found["default"],
        is_user=bool(found.get(USER, True)),
        needs_restart=bool(found.get(RESTART, False)),
        is_secret=bool(found.get(SECRET, False)),
    )
