"""Who may change a setting, and what is shown of a secret."""

from __future__ import annotations

from pydantic import BaseModel, Field

from actors.config_store.files.admin_policy import AdminPolicy
from actors.config_store.schema.pydantic_schema import PydanticSchema
from actors.config_store.settings.settings_context import SettingsContext, is_set


class Cloud(BaseModel):
    key: str = Field(default="", json_schema_extra={"x-secret": True})
    region: str = "eu"
    internal: int = Field(default=1, json_schema_extra={"x-user": False})


class Settings(BaseModel):
    cloud: Cloud = Cloud()
    theme: str = "system"


SCHEMA = PydanticSchema(Settings)


def test_a_setting_is_closed_to_users_by_the_policy_the_app_or_the_allowlist() -> None:
    policy = AdminPolicy("/etc/app/policy.json", locked=("cloud.region",), message="ask IT")
    context = SettingsContext(SCHEMA, allowlist=("cloud.*",), policy=policy)
    assert context.user_problem("cloud.region") == (
        "cloud.region is managed by /etc/app/policy.json and cannot be changed here: ask IT"
    )
    assert "the app does not allow it" in context.user_problem("cloud.internal")
    assert "the profile's allowlist" in context.user_problem("theme")
    assert context.user_problem("cloud.key") == ""
    assert [path for path in SCHEMA.specs if context.allows(path)] == ["cloud.key"]


def test_a_setting_that_does_not_exist_is_named() -> None:
    assert "there is no setting 'cloud.gone'" in SettingsContext(SCHEMA).path_problem("cloud.gone")
    assert SettingsContext(SCHEMA).path_problem("cloud.key") == ""


def test_a_secret_that_is_set_is_masked_and_an_empty_one_is_not() -> None:
    context = SettingsContext(SCHEMA)
    assert context.mask({"cloud.key": "hush", "theme": "dark"}) == {
        "cloud.key": "**********",
        "theme": "dark",
    }
    for empty in ("", None):
        assert context.mask({"cloud.key": empty}) == {"cloud.key": empty}
        assert not is_set(empty)


def test_what_is_in_effect_is_masked_by_what_the_layers_have() -> None:
    context = SettingsContext(SCHEMA)
    reference = {"$secret": "setting-1"}
    assert context.mask_effective({"cloud.key": reference}, {"cloud.key": None, "theme": "dark"}) == {
        "cloud.key": "**********",
        "theme": "dark",
    }
    assert context.mask_effective({}, {"cloud.key": None}) == {"cloud.key": ""}
