"""Which values fit: the built-in schemas and those of the profile, and the migrations between versions."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.profile.profile import Profile
from actors.shared.schema_words import json_schema_words, pydantic_words
from actors.state_store.errors import DeclarationRefused
from bus.errors import UndercroftError
from schemas.state import ConversationHistoryState, GridLayoutState, UserPreferencesState

if TYPE_CHECKING:
    from pydantic import BaseModel

PROBLEM_LIMIT: Final = 500
SCHEMA_FILE_LIMIT_BYTES: Final = 4 * 1024 * 1024
SHIPPED: Final[tuple[type[msgspec.Struct], ...]] = (
    GridLayoutState,
    UserPreferencesState,
    ConversationHistoryState,
)
Migration = Callable[[Any], Any]
"""Turns a value of one version into a value of the next."""

_VALUE: Final = re.compile(r"(Invalid (?:enum )?value) .*?( - at `\$[^`]*`)?\Z", re.DOTALL)
"""msgspec quotes the value that it found. It may be private, and must not appear in a log."""


class ValueMismatch(UndercroftError):
    """A value does not fit, or a migration failed.

    Attributes:
        problem: where, what was found, what was expected. Only the path is taken from the value.
    """

    problem: str
    words = "{problem}"


class ValueSchema(ABC):
    """What values of one name look like."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def check(self, value: Any) -> None:
        """Check that a value fits.

        Raises:
            ValueMismatch: it does not.
        """

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema."""


class StructValueSchema(ValueSchema):
    """A built-in schema. Fields that it does not know belong to the app."""

    def __init__(self, type: type[msgspec.Struct]) -> None:
        super().__init__(type.__name__)
        self._type = type

    def check(self, value: Any) -> None:
        """See `ValueSchema.check`."""
        try:
            msgspec.convert(value, self._type)
        except msgspec.ValidationError as error:
            raise _mismatch(_VALUE.sub(r"\1\2", str(error))) from None

    def json_schema(self) -> dict[str, Any]:
        """See `ValueSchema.json_schema`."""
        return msgspec.json.schema(self._type)


class ModelValueSchema(ValueSchema):
    """A pydantic model of the profile."""

    def __init__(self, model: type[BaseModel]) -> None:
        super().__init__(model.__name__)
        self.model = model

    def check(self, value: Any) -> None:
        """See `ValueSchema.check`."""
        self.instance(value)

    def instance(self, value: Any) -> BaseModel:
        """The value as an instance of the model.

        Raises:
            ValueMismatch: it does not fit.
        """
        from pydantic import ValidationError

        try:
            return self.model.model_validate(value)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            raise _mismatch(
                "; ".join(
                    f"{'.'.join(map(str, item['loc'])) or 'value'}: {pydantic_words(item)}"
                    for item in found[:5]
                )
            ) from None

    def json_schema(self) -> dict[str, Any]:
        """See `ValueSchema.json_schema`."""
        return self.model.model_json_schema()


class JsonValueSchema(ValueSchema):
    """A JSON Schema of the profile (draft 2020-12). It may refer only to itself: nothing is fetched."""

    def __init__(self, name: str, schema: dict[str, Any]) -> None:
        """Compile the schema.

        Raises:
            DeclarationRefused: it is not JSON Schema.
        """
        from jsonschema import Draft202012Validator, SchemaError
        from referencing import Registry

        super().__init__(name)
        self._schema = schema
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise DeclarationRefused(name, f"expected JSON Schema: {error.message[:PROBLEM_LIMIT]}") from None
        self._validator = Draft202012Validator(schema, registry=Registry())

    def check(self, value: Any) -> None:
        """See `ValueSchema.check`."""
        from referencing.exceptions import Unresolvable

        try:
            error = next(self._validator.iter_errors(value), None)
        except Unresolvable as outside:
            raise _mismatch(
                f"the schema {self.name} refers to {str(outside.ref)[:200]!r}, which is not in it"
            ) from None
        if error is not None:
            place = ".".join(map(str, error.absolute_path)) or "value"
            raise _mismatch(f"{place}: {json_schema_words(error)}")

    def json_schema(self) -> dict[str, Any]:
        """See `ValueSchema.json_schema`."""
        return self._schema


class ValueSchemas:
    """All schemas of an app by name, with their migrations."""

    def __init__(
        self, schemas: Sequence[ValueSchema] = (), migrations: Mapping[str, Sequence[Migration]] | None = None
    ) -> None:
        """Combine the built-in schemas with others.

        Args:
            schemas: further ones; one with the name of a built-in schema replaces it.
            migrations: name of a schema to its migrations: version 1 to 2, 2 to 3 and so on. Their number
                gives the present version.
        """
        self._named: dict[str, ValueSchema] = {type.__name__: StructValueSchema(type) for type in SHIPPED}
        self._migrations = {name: tuple(chain) for name, chain in (migrations or {}).items()}
        for schema in schemas:
            self.add(schema)

    def add(self, schema: ValueSchema) -> None:
        """Add a schema; it replaces one of the same name."""
        self._named[schema.name] = schema

    def get(self, name: str) -> ValueSchema | None:
        """The schema of this name."""
        return self._named.get(name)

    def check_migrations(self) -> None:
        """Check that every list of migrations names a schema; others would never be used.

        Raises:
            DeclarationRefused: one does not.
        """
        unknown = sorted(name for name in self._migrations if name not in self._named)
        if unknown:
            raise DeclarationRefused(
                "migrations",
                f"expected names of schemas ({', '.join(sorted(self._named))}), found {unknown[0]!r}",
            )

    def version(self, name: str) -> int:
        """The present version of a schema: the number of its migrations plus one."""
        return len(self._migrations.get(name, ())) + 1

    def versions(self) -> dict[str, int]:
        """The present versions of all schemas that have migrations."""
        return {name: self.version(name) for name in self._migrations}

    def migrate(self, name: str, version: int, value: Any) -> Any:
        """Bring a value of an older version to the present version.

        Raises:
            ValueMismatch: a migration failed; the value on disk stays as it is.
        """
        for number, migration in enumerate(self._migrations.get(name, ())[version - 1 :], version):
            try:
                value = migration(value)
            except Exception as error:  # code of the app may raise anything
                versions = f"from version {number} to {number + 1}"
                problem = f"the migration of {name} {versions} failed: {type(error).__name__}"
                raise _mismatch(problem) from error
        return value

    def check(self, name: str, value: Any) -> None:
        """Check that a value fits a schema.

        Raises:
            ValueMismatch: it does not, or there is no such schema.
        """
        schema = self._named.get(name)
        if schema is None:
            raise _mismatch(f"there is no schema {name[:80]!r}")
        schema.check(value)


def _mismatch(problem: str) -> ValueMismatch:
    return ValueMismatch(problem[:PROBLEM_LIMIT])


def schemas_of_profile(profile: Profile) -> ValueSchemas:
    """The schemas that a profile's namespaces name, and its migrations.

    Raises:
        DeclarationRefused: a schema or the migrations are not valid.
        ProfileError: a file cannot be imported.
    """
    migrations = profile.load(profile.migrations) if profile.migrations else {}
    if not isinstance(migrations, Mapping) or not all(
        isinstance(chain, Sequence) for chain in migrations.values()
    ):
        raise DeclarationRefused(
            "migrations",
            f"expected a mapping of schema names to lists of functions, found {type(migrations).__name__}",
        )
    schemas = ValueSchemas((), migrations)
    for table in profile.state_namespaces:
        for reference in (table.schema, *table.schemas.values()):
            if reference and schemas.get(reference) is None:
                schemas.add(_load(profile, reference))
    return schemas


def _load(profile: Profile, reference: str) -> ValueSchema:
    """The schema that a namespace names as `file.py:Class` or `file.json`; its name is that reference."""
    from pydantic import BaseModel

    if reference.endswith(".json"):
        try:
            file = profile.directory / reference
            content = read_file(file, SCHEMA_FILE_LIMIT_BYTES, follows_link=True)
            if content is None:
                raise DeclarationRefused(reference, "expected JSON Schema: there is no such file")
            found = msgspec.json.decode(content, type=dict[str, Any])
        except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DeclarationRefused(reference, f"expected JSON Schema: {error}") from error
        return JsonValueSchema(reference, found)
    if ".py:" not in reference:
        known = ", ".join(type.__name__ for type in SHIPPED)
        raise DeclarationRefused(
            "namespaces.schema",
            f"expected 'file.py:Class', 'file.json' or one of {known}, found {reference!r}",
        )
    model = profile.load(reference)
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        raise DeclarationRefused(reference, f"expected a pydantic model, found {model!r}")
    schema = ModelValueSchema(model)
    schema.name = reference
    return schema
