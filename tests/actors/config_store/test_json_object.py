"""JSON files of an app or an administrator are read within limits, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.config_store.json_object import SIZE_LIMIT_BYTES, JsonFileWrong, read_json, read_object


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"\xff", "expected UTF-8"),
        (b" " * (SIZE_LIMIT_BYTES + 1), "expected at most"),
    ],
)
def test_what_is_not_json_is_refused_with_the_name_of_the_file(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "quiet.json"
    path.write_bytes(content)
    with pytest.raises(JsonFileWrong, match=words) as caught:
        read_json(path)
    assert caught.value.path == str(path)


def test_a_file_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(JsonFileWrong, match="cannot be read: there is no such file"):
        read_json(tmp_path / "none.json")


def test_an_object_is_told_from_other_json(tmp_path: Path) -> None:
    path = tmp_path / "quiet.json"
    path.write_text("[1]")
    assert read_json(path) == [1]
    with pytest.raises(JsonFileWrong, match="expected an object, found list"):
        read_object(path)
    path.write_text('{"a": 1}')
    assert read_object(path) == {"a": 1}
