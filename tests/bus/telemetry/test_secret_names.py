"""Names that make their values secret are told from names that only look so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.telemetry.secret_names import (
    SECRET_PAIRS,
    SECRET_WORDS,
    is_header_name,
    is_secret_name,
    may_hold_blanks,
    word_set,
    words_of,
)
from bus.telemetry.secret_values import named_values


@pytest.mark.parametrize(
    "name",
    sorted(
        word_set(
            """
            password DB_PASSWORD dbPassword PGPASSWORD api_key apiKey APIKey X-Api-Key x-auth-token
            --client-secret AWS_SECRET_ACCESS_KEY SECRET_KEY_BASE_TOKEN accessToken access_token.value
            token2 password_new smtp.password authorization Proxy-Authorization Set-Cookie signature
            private_key privateKeyHex passwordHash recovery_code connectionString _authToken SecretStr
            DJANGO_SECRET_KEY
            """
        )
    ),
)
def test_values_under_these_names_are_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    sorted(
        word_set(
            """
            user key keyboard author authority compass bypass tokens_per_second max_tokens prompt_tokens
            token_count token_type password_policy secret_name auth_url cookie_domain eos_token_id pad_token
            passive tokenizer PWD OLDPWD key_id signature_algorithm session credential_helper
            """
        )
    ),
)
def test_values_under_these_names_are_not(name: str) -> None:
    assert not is_secret_name(name)


def test_headers_run_on_and_phrases_hold_blanks() -> None:
    assert is_header_name("Proxy-Authorization")
    assert is_header_name("set-cookie")
    assert not is_header_name("X-Api-Key")
    assert may_hold_blanks("passphrase")
    assert not may_hold_blanks("api_key")


@given(st.text(max_size=300))
def test_any_text_has_words_or_none(name: str) -> None:
    assert all(word for word in words_of(name))
    assert is_secret_name(name) in (True, False)


def test_every_word_that_makes_a_name_secret_is_looked_for_in_a_line() -> None:
    words = [*SECRET_WORDS, *(pair.replace("+", "_") for pair in SECRET_PAIRS)]
    assert [word for word in words if not list(named_values(f"{word}=x1y2z3"))] == []
