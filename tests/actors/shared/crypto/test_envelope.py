"""What is sealed opens as it was, every changed byte shows, and a missing key is never taken for damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.shared.crypto.cipher import DataKey
from actors.shared.crypto.content_codec import ValueNotStorable
from actors.shared.crypto.envelope import (
    FORMAT,
    EnvelopeDamaged,
    EnvelopeLimits,
    EnvelopeLocked,
    EnvelopeTooNew,
    KeyUnavailable,
    NotAnEnvelope,
    StoredValue,
    check_envelope,
    is_encrypted,
    open_envelope,
    seal,
)

KEY = DataKey("k1", b"k" * 32)
OTHER = DataKey("k1", b"o" * 32)
VALUE = {"name": "Grüße", "rows": [1, 2.5, None, True], "nested": {"a": []}}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
FORMS = pytest.mark.parametrize(
    ("compress", "key"),
    [(False, None), (True, None), (False, KEY), (True, KEY)],
    ids=["plain", "compressed", "encrypted", "both"],
)


def keys(key_id: str) -> DataKey:
    """The keys of these tests."""
    if key_id != KEY.id:
        raise KeyUnavailable(key_id, "there is no such key")
    return KEY


def sealed(value: Any = VALUE, compress: bool = False, key: DataKey | None = None, **more: Any) -> bytes:
    """An envelope with everything filled in."""
    arguments = {
        "schema": "layout",
        "schema_version": 2,
        "revision": 7,
        "now": 1_700_000_000.25,
        "name": "layout.default",
    }
    return seal(value, compress=compress, key=key, **{**arguments, **more})


@FORMS
@pytest.mark.requirement("S3-9", "S3-11", "S3-26")
@given(value=VALUES)
def test_what_is_sealed_opens_as_it_was(compress: bool, key: DataKey | None, value: Any) -> None:
    stored = open_envelope(sealed(value, compress, key), keys, name="layout.default")
    assert stored == StoredValue(
        value=value,
        schema="layout",
        schema_version=2,
        written_at=1_700_000_000.25,
        revision=7,
        name="layout.default",
        is_compressed=compress,
        is_encrypted=key is not None,
        key_id="k1" if key else "",
    )


@FORMS
@pytest.mark.requirement("S3-19")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(at=st.integers(0, 100_000), flip=st.integers(1, 255))
def test_every_changed_byte_is_noticed(compress: bool, key: DataKey | None, at: int, flip: int) -> None:
    content = bytearray(sealed(compress=compress, key=key))
    content[at % len(content)] ^= flip
    try:
        stored = open_envelope(bytes(content), keys, name="layout.default")
    except (NotAnEnvelope, EnvelopeDamaged, EnvelopeTooNew):
        return
    assert (compress, key) == (False, None), (
        "only white space between the parts of the form for people may be another one"
    )
    assert stored == open_envelope(sealed(), name="layout.default")


@FORMS
def test_every_torn_end_is_noticed(compress: bool, key: DataKey | None) -> None:
    content = sealed(compress=compress, key=key)
    for length in range(len(content) - 1):
        with pytest.raises((NotAnEnvelope, EnvelopeDamaged)):
            open_envelope(content[:length], keys)


@pytest.mark.requirement("S3-11")
def test_plain_envelope_is_json_for_people_with_version_and_time() -> None:
    text = sealed().decode()
    found = json.loads(text)
    assert (found["undercroft"], found["schema"], found["schema_version"], found["written_at"]) == (
        FORMAT,
        "layout",
        2,
        1_700_000_000.25,
    )
    assert found["value"] == VALUE
    assert '\n    "name": "Grüße",\n' in text
    assert list(found["value"]) == sorted(VALUE)


def test_plain_envelope_may_be_formatted_anew_and_have_a_byte_order_mark() -> None:
    assert open_envelope(b"\xef\xbb\xbf" + json.dumps(json.loads(sealed()), indent=7).encode()).value == VALUE


def test_value_that_was_edited_by_hand_is_damage_that_can_still_be_read() -> None:
    with pytest.raises(EnvelopeDamaged, match="digest") as caught:
        open_envelope(sealed().replace(b'"nested"', b'"mended"'))
    assert caught.value.remains is not None
    assert caught.value.remains.value["mended"] == {"a": []}
    assert caught.value.digest.startswith("sha256:")


def test_key_that_stands_twice_is_damage() -> None:
    content = sealed({"a": 1})
    with pytest.raises(EnvelopeDamaged, match="twice"):
        open_envelope(content.replace(b'"a": 1', b'"a": 2,\n"a": 1'))


@FORMS
def test_file_in_the_place_of_another_is_noticed(compress: bool, key: DataKey | None) -> None:
    with pytest.raises(
        EnvelopeDamaged, match=r"it is the document 'layout.default', expected 'layout.other'"
    ):
        open_envelope(sealed(compress=compress, key=key), keys, name="layout.other")


@pytest.mark.requirement("S3-23")
def test_encrypted_envelope_shows_nothing_of_its_value() -> None:
    content = sealed({"password": "hunter2"}, key=KEY)
    assert b"hunter2" not in content
    assert b"password" not in content
    assert is_encrypted(content[:500])
    assert not is_encrypted(sealed(compress=True))
    assert not is_encrypted(sealed("+xaes-256-gcm"))


@pytest.mark.requirement("S3-9")
def test_content_is_compressed_before_it_is_encrypted() -> None:
    value = "all the same " * 1000
    assert len(sealed(value, True, KEY)) < 1000 < len(value) < len(sealed(value, False, KEY))


def raising(reason: str) -> Callable[[str], DataKey]:
    """A source of keys that has none to give."""

    def keys(key_id: str) -> DataKey:
        raise KeyUnavailable(key_id, reason)

    return keys


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "no keys"),
        (raising("the keychain is away"), "keychain is away"),
        (lambda _: OTHER, "not the one it was encrypted with"),
    ],
)
def test_missing_or_wrong_key_locks_and_is_no_damage(source: Any, words: str) -> None:
    content = sealed(compress=True, key=KEY)
    with pytest.raises(EnvelopeLocked, match=words) as caught:
        open_envelope(content, source)
    assert caught.value.key_id == "k1"
    assert check_envelope(content, name="layout.default").key == "k1"


def test_damage_of_an_encrypted_envelope_shows_without_its_key() -> None:
    content = bytearray(sealed(key=KEY))
    content[-1] ^= 1
    with pytest.raises(EnvelopeDamaged):
        check_envelope(bytes(content))
    with pytest.raises(EnvelopeDamaged):
        open_envelope(bytes(content), None)


@pytest.mark.requirement("S3-19")
@pytest.mark.parametrize(
    "content",
    [
        sealed().replace(b'"undercroft": 1', b'"undercroft": 2'),
        sealed(key=KEY).replace(b'"undercroft":1', b'"undercroft":2'),
    ],
)
def test_later_format_is_neither_damage_nor_read(content: bytes) -> None:
    with pytest.raises(EnvelopeTooNew, match="update Undercroft") as caught:
        open_envelope(content, keys)
    assert caught.value.format == 2


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\x00" * 400, b'{"overrides": {}}', b"UNDERCROF", b"\xff\xfe"]
)
def test_something_else_is_no_envelope(content: bytes) -> None:
    with pytest.raises(NotAnEnvelope):
        open_envelope(content)


@pytest.mark.parametrize(
    "content",
    [
        b"UNDERCROFT",
        b"UNDERCROFT {}\n",
        b'UNDERCROFT {"undercroft":1}\n',
        b'{"undercroft": 1}',
        b'{"undercroft": 1, "name":',
    ],
)
def test_half_an_envelope_is_no_value(content: bytes) -> None:
    with pytest.raises((EnvelopeDamaged, NotAnEnvelope)):
        open_envelope(content)


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_beginning_end_in_one_of_the_named_errors(content: bytes) -> None:
    for start in (b"", b"UNDERCROFT ", b"{", b'UNDERCROFT {"undercroft":1,', b'{"undercroft":1,'):
        with pytest.raises((EnvelopeDamaged, NotAnEnvelope, EnvelopeTooNew)):
            open_envelope(start + content, keys)


def test_size_is_bounded_on_both_ways() -> None:
    with pytest.raises(ValueNotStorable, match="at most 100"):
        sealed("x" * 100, limits=EnvelopeLimits(value_bytes=100))
    with pytest.raises(EnvelopeDamaged, match="at most 50"):
        open_envelope(sealed(), limits=EnvelopeLimits(content_bytes=50))
    with pytest.raises(EnvelopeDamaged, match="at most 50"):
        open_envelope(sealed("x" * 100, True), limits=EnvelopeLimits(value_bytes=50))


def test_value_of_16_mib_fits_in_every_form_and_is_not_blown_up_by_indentation() -> None:
    value = [[[[[["x" * 1000, 1]]]]]] * (16 * 1024)
    for compress, key in [(False, None), (True, KEY)]:
        content = sealed(value, compress, key)
        assert len(content) < 20 << 20
        assert open_envelope(content, keys).value == value


def test_unusable_metadata_is_refused() -> None:
    for more in ({"now": float("nan")}, {"name": "n" * 2000}):
        with pytest.raises(ValueNotStorable):
            sealed(**more)
