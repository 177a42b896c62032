"""TOML is read as `tomllib` reads it, within bounds."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.durable.strict_toml import DEPTH_LIMIT, NotStrictToml, is_deeper, parse, parse_text
from tests.support.memory_lab import memory_lab

SIGNS = ["a", ".", "[", "]", "{", "}", "=", ",", "\n", '"', "'", "\\", "#", " ", '"""', "'''", "1", "é"]


@given(st.lists(st.sampled_from(SIGNS), max_size=60).map("".join))
def test_what_is_read_is_what_tomllib_reads(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(NotStrictToml):
            parse_text(text)
    else:
        assert parse(b"\xef\xbb\xbf" + text.encode()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 65 + "]" * 65,
        "a = " + "{a = " * 65 + "1" + "}" * 65,
        ".".join("a" * 65) + " = 1",
        ' . "x" . '.join("a" * 40) + " = 1",
        "[" + ".".join("a" * 65) + "]",
        "x = '\"' \n" + ".".join("a" * 65) + " = 1",
    ],
)
def test_what_is_nested_deeply_is_refused(text: str) -> None:
    with pytest.raises(NotStrictToml, match="nested deeper"):
        parse_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = '" + "[.{" * 100 + "'",
        'a = """' + '[.{"\\"' * 100 + '"""',
        "# " + "[" * 100 + ".".join("a" * 100),
        "\n".join(f"a{number}.b = [1.5, 2.5]" for number in range(100)),
        "a = [" + "[], " * 100 + "]",
        "a = [" + "1.0, " * 100 + "]",
    ],
)
def test_what_only_looks_nested_is_read(text: str) -> None:
    assert not is_deeper(text, DEPTH_LIMIT)
    assert parse_text(text) == tomllib.loads(text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", "expected UTF-8, found the byte 0xff at 0"),
        (b"a = " + b"9" * 5000, "expected TOML"),
        (b"a = ", "expected TOML, found: Invalid value"),
        (b"#" * 5_000_000, "more than 4194304 bytes"),
    ],
)
def test_what_cannot_be_read_is_told(content: bytes, words: str) -> None:
    with pytest.raises(NotStrictToml, match=words):
        parse(content)


def test_a_text_of_too_many_characters_is_refused() -> None:
    with pytest.raises(NotStrictToml, match="characters"):
        parse_text("#" * 5_000_000)


BOMBS = {
    "a key of many parts": lambda: ".".join("a" * 200_000) + " = 1",
    "a table of many parts": lambda: "[" + ".".join("a" * 200_000) + "]",
    "nested lists": lambda: "a = " + "[" * 2_000_000,
    "nested tables": lambda: "a = " + "{a = " * 500_000,
    "a text without an end": lambda: "a = '" + "x" * 4_000_000,
    "many quotation marks": lambda: "a = " + '"' * 4_000_001,
    "a long number": lambda: "a = " + "1_" * 500_000 + "1",
}


def try_to_parse(name: str) -> str:
    """What becomes of a bomb."""
    return str(len(parse_text(BOMBS[name]())))


def test_no_text_takes_much_memory_or_time() -> None:
    with memory_lab() as lab:
        for name in BOMBS:
            taken = lab.call("tests.actors.shared.durable.test_strict_toml:try_to_parse", name)
            assert taken.error == "NotStrictToml", (name, taken)
            assert taken.peak_bytes < 128 * 1024 * 1024, (name, taken)
            assert taken.cpu_seconds < 20, (name, taken)
