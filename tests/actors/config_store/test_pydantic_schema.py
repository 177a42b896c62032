"""A pydantic model, seen as settings."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from actors.config_store.pydantic_schema import PydanticSchema
from actors.config_store.schema import SettingsSchemaWrong


class Cloud(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(default="", max_length=6, json_schema_extra={"x-secret": True})
    token: SecretStr = SecretStr("")
    port: int = Field(default=80, title="Port", description="where", json_schema_extra={"x-restart": True, "x-user": False})

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
    assert list(schema.fields) == ["cloud.key", "cloud.token", "cloud.port", "maybe"]
    port = schema.fields["cloud.port"]
    assert (port.title, port.description, port.default, port.section) == ("Port", "where", 80, "cloud")
    assert (port.needs_restart, port.is_user, port.is_secret) == (True, False, False)
    assert schema.fields["cloud.key"].is_secret
    assert schema.fields["cloud.token"].is_secret
    assert schema.sections == {"cloud": "In the cloud"}
    assert schema.document()["properties"]["cloud"]


def test_values_are_made_what_the_model_makes_of_them() -> None:
    assert PydanticSchema(Settings).judge({"cloud.port": "81"}).effective["cloud.port"] == 81


def test_a_problem_never_shows_a_secret() -> None:
    schema = PydanticSchema(Settings)
    for values in ({"cloud.key": "much too long"}, {"cloud.key": "hushhh", "cloud.port": 13}, {"cloud.token": 7}):
        problems = schema.judge(values).problems
        assert problems
        assert not any(word in repr(problems) for word in ("much", "hushhh"))
    assert "found 'x'" in schema.judge({"cloud.port": "x"}).problems[0].problem


class Bad(BaseModel):
    model_config = ConfigDict(validate_default=True)
    level: int = Field(default=7, le=5)


class Leaky(BaseModel):
    key: str = Field(default="1234", json_schema_extra={"x-secret": True})


@pytest.mark.parametrize(("model", "words"), [(Bad, "level: its default is not valid"), (Leaky, "key: a secret has an empty default")])
def test_a_model_that_cannot_be_used_is_refused_by_name(model: type[BaseModel], words: str) -> None:
    with pytest.raises(SettingsSchemaWrong, match=words):
        PydanticSchema(model)
