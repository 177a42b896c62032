"""Types of documents: what the profile declares, and how values become instances that nobody can change."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from actors.shared.durable.bounded_read import FileUnreadable, read_file
from actors.shared.profile.profile import Profile
from actors.state_store.engine import key_paths
from actors.state_store.engine.values.value_schemas import (
    SCHEMA_FILE_LIMIT_BYTES,
    JsonValueSchema,
    ModelValueSchema,
    ValueMismatch,
    ValueSchema,
)
from actors.state_store.errors import DeclarationRefused

if TYPE_CHECKING:
    from pydantic import BaseModel

IMMUTABLE = (str, int, float, bool, bytes, type(None))


class DocumentKind:
    """One type of documents.

    Attributes:
        name: of the type and of its file.
        schema: what its values look like.
    """

    def __init__(self, schema: ValueSchema) -> None:
        self.name = schema.name
        self.schema = schema
        self._is_shared = not isinstance(schema, ModelValueSchema) or is_frozen(schema.model)

    def instance(self, value: Any) -> Any:
        """The value as an instance of the model, or as a read-only view for JSON Schema.

        Raises:
            ValueMismatch: it does not fit.
        """
        if isinstance(self.schema, ModelValueSchema):
            return self.schema.instance(value)
        self.schema.check(value)
        return frozen(value)

    def handed_out(self, instance: Any) -> Any:
        """What a caller gets: the instance if nobody can change it, otherwise a copy."""
        return instance if self._is_shared else instance.model_copy(deep=True)

    def payload(self, instance: Any) -> dict[str, Any]:
        """The JSON value of an instance."""
        found = (
            instance.model_dump(mode="json", by_alias=True)
            if isinstance(self.schema, ModelValueSchema)
            else thawed(instance)
        )
        assert isinstance(found, dict)
        return found

    def default(self) -> Any:
        """The instance that counts while there is no document.

        Raises:
            DeclarationRefused: the type has no defaults, or they do not fit.
        """
        value = (
            {} if isinstance(self.schema, ModelValueSchema) else self.schema.json_schema().get("default", {})
        )
        try:
            return self.instance(value)
        except ValueMismatch as mismatch:
            raise DeclarationRefused(
                f"documents.{self.name}", f"expected defaults for every field: {mismatch.problem}"
            ) from None


def kinds_of_profile(profile: Profile) -> dict[str, DocumentKind]:
    """The types that a profile declares, by name.

    Raises:
        DeclarationRefused: see `document_kinds`; or a JSON file cannot be read, or is no object of schemas.
        ProfileError: a Python file cannot be imported.
    """
    if not profile.documents.endswith(".json"):
        return document_kinds(profile.load(profile.documents)) if profile.documents else {}
    try:
        content = read_file(profile.directory / profile.documents, SCHEMA_FILE_LIMIT_BYTES)
        if content is None:
            raise DeclarationRefused("documents", f"there is no file {profile.documents!r}")
        return document_kinds(msgspec.json.decode(content, type=dict[str, dict[str, Any]]))
    except (FileUnreadable, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        expected = f"{profile.documents}: expected an object of names to JSON Schema"
        raise DeclarationRefused("documents", f"{expected}: {error}") from error


def document_kinds(declared: Any) -> dict[str, DocumentKind]:
    """Types by name, from a list of pydantic models or a mapping of names to JSON Schema or models.

    Raises:
        DeclarationRefused: one of them is not a type, has no defaults, or shares its name with another.
    """
    kinds: dict[str, DocumentKind] = {}
    for schema in _schemas(declared):
        if not key_paths.is_type_name(schema.name):
            raise DeclarationRefused("documents", f"{schema.name!r} cannot name a file on every platform")
        if any(schema.name.casefold() == name.casefold() for name in kinds):
            raise DeclarationRefused(
                "documents", f"{schema.name!r} is declared twice, perhaps in different case"
            )
        kinds[schema.name] = kind = DocumentKind(schema)
        kind.default()
    return kinds


def is_frozen(model: type[BaseModel]) -> bool:
    """Whether instances of a pydantic model, and everything in them, cannot be changed."""
    return bool(model.model_config.get("frozen")) and all(
        _is_fixed(field.annotation) for field in model.model_fields.values()
    )


def frozen(value: Any) -> Any:
    """A JSON value as a view that cannot be changed."""
    if isinstance(value, dict):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    return tuple(frozen(item) for item in value) if isinstance(value, list) else value


def thawed(value: Any) -> Any:
    """The JSON value behind a view that `frozen` made."""
    if isinstance(value, Mapping):
        return {key: thawed(item) for key, item in value.items()}
    return [thawed(item) for item in value] if isinstance(value, tuple | list) else value


def _schemas(declared: Any) -> Iterable[ValueSchema]:
    from pydantic import BaseModel

    items = (
        declared.items()
        if isinstance(declared, Mapping)
        else ((None, item) for item in declared)
        if isinstance(declared, list | tuple)
        else ()
    )
    found: list[ValueSchema] = []
    for name, item in items:
        if isinstance(item, type) and issubclass(item, BaseModel):
            found.append(ModelValueSchema(item))
        elif isinstance(item, dict) and isinstance(name, str):
            found.append(JsonValueSchema(name, item))
        else:
            raise DeclarationRefused(
                "documents", f"expected pydantic models, or JSON Schema by name, found {item!r}"
            )
    if not found and declared:
        raise DeclarationRefused(
            "documents", f"expected a list or a mapping, found {type(declared).__name__}"
        )
    return found


def _is_fixed(annotation: Any) -> bool:
    from pydantic import BaseModel

    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return True
    if origin is typing.Annotated:
        return _is_fixed(arguments[0])
    if origin is not None:
        return (
            origin in (tuple, frozenset) or str(origin) in ("typing.Union", "<class 'types.UnionType'>")
        ) and all(_is_fixed(argument) for argument in arguments if argument is not Ellipsis)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return is_frozen(annotation)
    return annotation in IMMUTABLE
