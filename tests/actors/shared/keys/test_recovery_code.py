"""Recovery codes: people can type them, a slip shows before any key is tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.shared.keys.recovery_code import (
    ALPHABET,
    CODE_BYTES,
    RecoveryCodeMistyped,
    derive,
    new_code,
    parse,
    render,
)

CODES = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES)


@given(CODES)
def test_code_stands_for_its_bytes(secret: bytes) -> None:
    code = render(secret)
    assert len(code.split("-")) == 7
    assert {len(group) for group in code.split("-")} == {4}
    assert parse(code) == secret


@given(CODES)
def test_small_letters_spaces_and_letters_that_look_alike_are_all_right(secret: bytes) -> None:
    code = render(secret).lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert parse(f"  {code}\n") == secret


@given(secret=CODES, at=st.integers(0, 27), sign=st.sampled_from(ALPHABET))
def test_every_single_slip_shows(secret: bytes, at: int, sign: str) -> None:
    signs = render(secret).replace("-", "")
    slipped = signs[:at] + sign + signs[at + 1 :]
    if slipped != signs:
        with pytest.raises(RecoveryCodeMistyped):
            parse(slipped)


def test_two_swapped_groups_a_missing_sign_and_a_foreign_one_show_and_nothing_of_the_code_is_told() -> None:
    groups = render(bytes(range(CODE_BYTES))).split("-")
    swapped = "-".join([groups[1], groups[0], *groups[2:]])
    for code, words in [
        (swapped, "last group"),
        ("-".join(groups)[:-1], "27 characters"),
        ("U" + "-".join(groups)[1:], "no code has"),
        ("", "0 characters"),
    ]:
        with pytest.raises(RecoveryCodeMistyped, match=words) as caught:
            parse(code)
        assert not any(group in str(caught.value) for group in groups)


def test_codes_are_new_each_time() -> None:
    assert len({new_code() for _ in range(50)}) == 50


def test_derived_key_depends_on_code_and_salt() -> None:
    keys = {
        derive(secret, "id", salt, 1, 1, 64).secret
        for secret in (b"a" * 15, b"b" * 15)
        for salt in (b"s" * 16, b"t" * 16)
    }
    assert len(keys) == 4
    assert derive(b"a" * 15, "id", b"s" * 16, 1, 1, 64).secret in keys
