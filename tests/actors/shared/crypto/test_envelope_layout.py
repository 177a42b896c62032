"""Both forms of an envelope come apart into what was rendered, and the digest proves every part."""

from __future__ import annotations

import pytest

from actors.shared.crypto.envelope_errors import EnvelopeDamaged
from actors.shared.crypto.envelope_layout import (
    DEFAULT_LIMITS,
    HEADER_LIMIT_BYTES,
    INDENTED_LIMIT_BYTES,
    EnvelopeHeader,
    EnvelopeLimits,
    header_line,
    is_encrypted,
    render_binary,
    render_document,
    stored_value,
    take_apart,
)


def header(codec: str = "json", key: str = "") -> EnvelopeHeader:
    return EnvelopeHeader(
        name="n", schema="s", schema_version=1, written_at=1.5, revision=2, codec=codec, key=key, size_bytes=7
    )


def test_the_form_for_people_comes_apart_into_header_and_value() -> None:
    parts = take_apart(render_document(header(), b'{"a":1}'), DEFAULT_LIMITS, "n")
    assert (parts.header, parts.value, bytes(parts.payload)) == (header(), {"a": 1}, b"")


@pytest.mark.parametrize(("codec", "key"), [("json+zstd", ""), ("json+zstd+xaes-256-gcm", "k1")])
def test_the_binary_form_comes_apart_into_header_and_payload(codec: str, key: str) -> None:
    parts = take_apart(render_binary(header(codec, key), b"\x00payload"), DEFAULT_LIMITS, "n")
    assert (parts.header, parts.value, bytes(parts.payload)) == (header(codec, key), None, b"\x00payload")


@pytest.mark.parametrize(
    ("codec", "key"), [("json", ""), ("json+zstd", "k1"), ("json+xaes-256-gcm", ""), ("?", "")]
)
def test_a_binary_form_whose_codec_and_key_do_not_go_together_is_damage(codec: str, key: str) -> None:
    with pytest.raises(EnvelopeDamaged, match="expected one of"):
        take_apart(render_binary(header(codec, key), b"payload"), DEFAULT_LIMITS, "n")


def test_a_header_in_another_spelling_is_damage_even_if_its_digest_fits() -> None:
    content = render_binary(header("json+zstd"), b"payload")
    with pytest.raises(EnvelopeDamaged, match="not written as it should be"):
        take_apart(content.replace(b'"name":"n"', b'"name": "n"'), DEFAULT_LIMITS, "n")


def test_another_document_is_told_with_what_can_be_read_of_it() -> None:
    with pytest.raises(EnvelopeDamaged, match="it is the document 'n', expected 'm'") as caught:
        take_apart(render_document(header(), b"1"), DEFAULT_LIMITS, "m")
    assert caught.value.remains == stored_value(header(), 1)
    with pytest.raises(EnvelopeDamaged) as caught:
        take_apart(render_binary(header("json+zstd"), b"1"), DEFAULT_LIMITS, "m")
    assert caught.value.remains is None


def test_large_values_lie_on_one_line() -> None:
    small, large = b'["a"]', b'["' + b"a" * INDENTED_LIMIT_BYTES + b'"]'
    assert render_document(header(), small).count(b"\n") > 5
    assert render_document(header(), large).count(b"\n") == 1


def test_what_is_too_large_or_has_no_end_is_not_read() -> None:
    content = render_document(header(), b"1")
    with pytest.raises(EnvelopeDamaged, match="expected at most 10"):
        take_apart(content, EnvelopeLimits(content_bytes=10), "n")
    with pytest.raises(EnvelopeDamaged, match="its header has no end"):
        take_apart(b"UNDERCROFT " + b" " * HEADER_LIMIT_BYTES + b"\n", DEFAULT_LIMITS, "")


def test_the_header_line_is_what_associates_a_payload_with_its_document() -> None:
    assert header_line(header()) == (
        b'{"undercroft":1,"name":"n","schema":"s","schema_version":1,"written_at":1.5,"revision":2,'
        b'"codec":"json","key":"","size_bytes":7}'
    )


def test_an_envelope_is_recognised_as_encrypted_by_its_beginning() -> None:
    assert is_encrypted(render_binary(header("json+xaes-256-gcm", "k1"), b"payload"))
    assert not is_encrypted(render_binary(header("json+zstd"), b"payload"))
    assert not is_encrypted(render_document(header(), b'"+xaes-256-gcm"'))


@pytest.mark.requirement("S0-12", "S3-23")
def test_a_segment_of_the_history_is_recognised_as_encrypted_and_a_plain_one_is_not() -> None:
    assert is_encrypted(b'{"undercroft_history":1,"cipher":"aes-256-gcm","file":"f"}\n{"seq":1')
    assert not is_encrypted(b'{"undercroft_history":1,"cipher":"none","file":"f"}\n"aes-256-gcm"')
