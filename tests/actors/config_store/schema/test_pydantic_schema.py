"""A pydantic model, seen as settings."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.schema.settings_schema import SettingsSchemaWrong


class Cloud(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(default="", max_length=6, json_schema_extra={"x-secret": True})
    token: SecretStr = SecretStr("")
    port: int = Field(
        default=80, title="Port", description="where", json_schema_extra={"x-restart": True, "x-user": False}
    )

    @model_validator(mode="after")
    def together(self) -> Cloud:
        if self.port == 13:
            raise ValueError(f"unlucky {self.key}")
        return self


class Settings(BaseModel):
    cloud: Cloud = Field(default_factory=Cloud, title="In the cloud")
    maybe: Cloud | None = None


def test_fields_are_declared_with_titles_and_marks() -> None:
    schema = PydanticSchema(Settings)
    assert list(schema.specs) == ["cloud.key", "cloud.token", "cloud.port", "maybe"]
    port = schema.specs["cloud.port"]
    assert (port.title, port.description, port.default, port.section) == ("Port", "where", 80, "cloud")
    assert (port.needs_restart, port.is_user, port.is_secret) == (True, False, False)
    assert schema.specs["cloud.key"].is_secret
    assert schema.specs["cloud.token"].is_secret
    assert schema.sections == {"cloud": "In the cloud"}
    assert schema.as_json_schema()["properties"]["cloud"]


def test_values_are_made_what_the_model_makes_of_them() -> None:
    assert PydanticSchema(Settings).validate({"cloud.port": "81"}).effective["cloud.port"] == 81


def test_a_problem_never_shows_a_secret() -> None:
    schema = PydanticSchema(Settings)
    for values in (
        {"cloud.key": "much too long"},
        {"cloud.key": "hushhh", "cloud.port": 13},
        {"cloud.token": 7},
    ):
        problems = schema.validate(values).problems
        assert problems
        assert not any(word in repr(problems) for word in ("much", "hushhh"))
    assert "found 'x'" in schema.validate({"cloud.port": "x"}).problems[0].problem


class Bad(BaseModel):
    model_config = ConfigDict(validate_default=True)
    level: int = Field(default=7, le=5)


class Leaky(BaseModel):
    key: str = Field(default="1234", json_schema_extra={"x-secret": True})


@pytest.mark.parametrize(
    ("model", "words"),
    [(Bad, "level: its default is not valid"), (Leaky, "key: a secret must have an empty default")],
)
def test_a_model_that_cannot_be_used_is_refused_by_name(model: type[BaseModel], words: str) -> None:
    with pytest.raises(SettingsSchemaWrong, match=words):
        PydanticSchema(model)


def test_a_section_is_judged_by_itself_where_nothing_goes_across() -> None:
    schema = PydanticSchema(Settings)
    judged = schema.validate_sections({"cloud.port": 8080}, ["cloud.port"])
    assert judged is not None
    assert judged.effective == {
        path: value
        for path, value in schema.validate({"cloud.port": 8080}).effective.items()
        if path.startswith("cloud.")
    }
    wrong = schema.validate_sections({"cloud.port": 13, "cloud.key": "abc"}, ["cloud.port"])
    assert wrong == schema.validate({"cloud.port": 13, "cloud.key": "abc"})
    assert "abc" not in repr(wrong)
    assert schema.validate_sections({"maybe": None}, ["maybe"]) is None


class Plain(BaseModel):
    value: int = 0


class AcrossSections(BaseModel):
    a: Plain = Plain()
    b: Plain = Plain()

    @model_validator(mode="after")
    def ordered(self) -> AcrossSections:
        if self.a.value > self.b.value:
            raise ValueError("a is more than b")
        return self


class AtField(BaseModel):
    a: Plain = Plain()

    @field_validator("a")
    @classmethod
    def small(cls, found: Plain) -> Plain:
        if found.value > 9:
            raise ValueError("too much")
        return found


class Told(BaseModel):
    a: Plain = Plain()

    @field_serializer("a")
    def doubled(self, found: Plain) -> dict[str, int]:
        return {"value": found.value * 2}


class Annotation(BaseModel):
    a: Annotated[Plain, AfterValidator(lambda found: found)] = Plain()


class Afterwards(BaseModel):
    a: Plain = Plain()

    def model_post_init(self, context: Any) -> None:
        """See to it."""


class Options(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float")
    a: Plain = Plain()


@pytest.mark.parametrize("model", [AcrossSections, AtField, Told, Annotation, Afterwards, Options])
def test_a_model_with_rules_of_its_own_is_judged_as_a_whole(model: type[BaseModel]) -> None:
    assert PydanticSchema(model).validate_sections({"a.value": 10}, ["a.value"]) is None
