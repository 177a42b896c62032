"""The policy of an administrator is read, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from actors.config_store.files.admin_policy import policy_path, read_policy
from actors.config_store.json_object import JsonFileWrong
from actors.config_store.schema.pydantic_schema import PydanticSchema


class Vad(BaseModel):
    sensitivity: float = Field(default=0.5, ge=0, le=1)
    key: str = Field(default="", json_schema_extra={"x-secret": True})


class Settings(BaseModel):
    vad: Vad = Vad()
    preset: str = ""


SCHEMA = PydanticSchema(Settings)


def policy(path: Path, content: Any, mode: int = 0o644) -> Path:
    path.write_text(json.dumps(content))
    path.chmod(mode)
    return path


def test_a_policy_forces_and_locks(tmp_path: Path) -> None:
    content = {
        "format": 1,
        "values": {"vad": {"sensitivity": 0.1}},
        "locked": ["preset"],
        "message": "ask us",
    }
    found = read_policy(policy(tmp_path / "policy.json", content), SCHEMA)
    assert (found.values, found.locked, found.message) == ({"vad.sensitivity": 0.1}, ("preset",), "ask us")
    assert found.locks("vad.sensitivity")
    assert found.locks("preset")
    assert not found.locks("vad.key")


def test_without_a_file_there_is_no_policy(tmp_path: Path) -> None:
    assert read_policy(tmp_path / "none" / "policy.json", SCHEMA).values == {}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"format": 2},
        {"format": 1, "locked": "x"},
        {"format": 1, "values": []},
        {"format": 1, "message": 1},
    ],
)
def test_a_policy_that_is_none_is_refused_by_name(tmp_path: Path, content: Any) -> None:
    with pytest.raises(JsonFileWrong, match=r"policy\.json"):
        read_policy(policy(tmp_path / "policy.json", content), SCHEMA)


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_a_policy_that_others_may_write_is_not_obeyed(tmp_path: Path, mode: int) -> None:
    with pytest.raises(JsonFileWrong, match="users other than its owner"):
        read_policy(policy(tmp_path / "policy.json", {"format": 1}, mode), SCHEMA)


@given(st.binary(max_size=60))
def test_random_bytes_are_a_policy_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "policy.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(JsonFileWrong):
        read_policy(path, SCHEMA)


def test_the_profile_says_where_the_policy_lies_or_the_platform_does(tmp_path: Path) -> None:
    assert policy_path("policy.json", "app", tmp_path) == tmp_path / "policy.json"
    assert policy_path("/etc/x/policy.json", "app", tmp_path) == Path("/etc/x/policy.json")
    assert policy_path("", "app", tmp_path).parts[-2:] == ("app", "policy.json")
