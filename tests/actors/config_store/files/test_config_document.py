"""The settings file survives parse errors, strangers' fields and later versions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.config_store.files import config_document


@pytest.mark.requirement("S0-1")
def test_no_file_means_no_overrides(tmp_path: Path) -> None:
    assert config_document.read(tmp_path / "config.json").overrides == {}


def test_what_was_written_is_read_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "config" / "config.json"
    config_document.write(path, {"vad.sensitivity": 0.5}, {"app": "dictation"})
    found = config_document.read(path)
    assert (found.overrides, found.others) == ({"vad.sensitivity": 0.5}, {"app": "dictation"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(path.parent) == ["config.json"]


@pytest.mark.requirement("S0-3", "S0-4")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected JSON"),
        (b'{"format": 1, "overr', "expected JSON"),
        (b"[]", "expected an object"),
        (b'{"format": 1}', "'overrides'"),
        (b'{"format": "1", "overrides": {}}', "'format'"),
        (b'{"format": true, "overrides": {}}', "'format'"),
        (b'{"format": 1, "overrides": {"a": 1, "a": 2}}', "twice"),
        (b'{"format": 1, "overrides": {"a": NaN}}', "NaN"),
        (b"\xff\xfe\x00", "expected UTF-8"),
        (b'{"a":' * 100_000, "deeper"),
        (b" " * (config_document.SIZE_LIMIT_BYTES + 1), "more than"),
    ],
)
def test_a_file_that_does_not_parse_is_put_aside_and_never_covers_an_earlier_one(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "config.json"
    for number in (1, 2):
        path.write_bytes(content)
        found = config_document.read(path)
        assert found.overrides == {}
        assert words in found.fault
        assert found.put_aside == tmp_path / (
            "config.json.corrupt" if number == 1 else "config.json.corrupt.2"
        )
        assert found.put_aside.read_bytes() == content
        assert not path.exists()


def test_a_byte_order_mark_is_skipped() -> None:
    assert config_document.parse(b'\xef\xbb\xbf{"format": 1, "overrides": {"a": 1}}').overrides == {"a": 1}


def test_a_later_format_is_read_and_known_as_such() -> None:
    assert config_document.parse(b'{"format": 9, "overrides": {"a": 1}, "new": 2}').is_newer


def test_a_file_that_may_not_be_read_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.mkdir()
    with pytest.raises(config_document.ConfigUnreadable, match="nothing was changed"):
        config_document.read(path)
    assert path.is_dir()


@given(
    st.dictionaries(
        st.text(max_size=10),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(), max_size=3),
        max_size=5,
    )
)
def test_every_override_survives_the_round_trip(overrides: dict[str, Any]) -> None:
    assert config_document.parse(config_document.render(overrides, {})).overrides == overrides


@given(st.binary(max_size=200))
def test_random_bytes_are_a_document_or_refused(content: bytes) -> None:
    try:
        config_document.parse(content)
    except config_document.NotADocument as error:
        assert str(error)


def test_the_file_is_readable_by_people(tmp_path: Path) -> None:
    config_document.write(tmp_path / "config.json", {"b": "ä", "a": 1}, {})
    assert (tmp_path / "config.json").read_text(
        encoding="utf-8"
    ) == '{\n  "format": 1,\n  "overrides": {\n    "a": 1,\n    "b": "ä"\n  }\n}\n'
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
