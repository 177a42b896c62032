"""Tells from the name of a field, variable, header or option whether its value is a secret. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

NAME_LIMIT: Final = 128
"""Longer names are read at their end only: what a value is stands last."""

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
"""The words of a name in any of the usual spellings: snake, kebab, camel, dotted, upper case."""


def word_set(words: str) -> frozenset[str]:
    """The words of a text, which blanks and line ends separate."""
    return frozenset(words.split())


SECRET_WORDS: Final = word_set(
    """
    password passwords passwd passwort kennwort pwd pass passphrase passcode userpass userpwd pw psw
    secret secrets token tokens apikey apikeys apitoken accesskey secretkey privatekey authkey
    credential credentials creds authorization auth oauth cookie cookies jwt bearer sessionid sessid
    phpsessid jsessionid sid signature sig hmac otp totp pin cvv csrf xsrf csrftoken xsrftoken authtoken
    accesstoken refreshtoken idtoken clientsecret mnemonic seedphrase pgpassword sshpass netrc keystore
    dsn webhook
    """
)
"""Words that make a value secret when they stand last in its name."""

SECRET_PAIRS: Final = word_set(
    """
    api+key api+keys access+key access+keys private+key private+keys secret+key signing+key
    encryption+key decryption+key master+key shared+key account+key service+key storage+key license+key
    licence+key subscription+key auth+key host+key deploy+key ssh+key consumer+key app+key client+key
    wrapping+key session+id session+key recovery+code recovery+codes backup+code backup+codes
    seed+phrase connection+string conn+str database+url db+url redis+url broker+url security+code
    verification+code security+answer x+key functions+key function+key
    """
)
"""Pairs of words that do so together."""

_TRAILING: Final = word_set(
    """
    value values data text string str raw plain plaintext cleartext base64 b64 hex hash digest id new
    old current previous next confirm confirmation confirmed repeat again header headers field input
    param env var production prod staging dev test live local default main primary secondary key
    """
)
"""Words that may follow without changing what the value is: `password_new`, `token.value`, `SECRET_KEY`."""

_HARMLESS: Final = word_set(
    """
    tokens+used max+tokens max+token min+tokens num+tokens total+tokens prompt+tokens completion+tokens
    input+tokens output+tokens context+tokens new+tokens n+tokens eos+token bos+token pad+token
    unk+token stop+token special+tokens cached+tokens reasoning+tokens draft+tokens by+pass band+pass
    low+pass high+pass first+pass second+pass one+pass next+token last+token first+token key+id
    """
)
"""Endings that look secret and count something, or name a part of speech."""

_DIRECTORIES: Final = frozenset({"PWD", "OLDPWD"})
"""Variables of every shell, whose name is short for the working directory."""

HEADER_NAMES: Final = frozenset({"authorization", "cookie", "auth", "credentials"})
"""Last words of headers whose value runs to the end of the line, blanks and all."""

PHRASE_WORDS: Final = frozenset({"passphrase", "mnemonic", "password", "passwort", "kennwort", "phrase"})
"""Last words of names whose value may hold blanks without being quoted."""


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case."""
    return tuple(word.lower() for word in _WORDS.findall(name[-NAME_LIMIT:]))


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether values under this name are secret: `DB_PASSWORD`, `apiKey`, `--client-secret`."""
    if name in _DIRECTORIES:
        return False
    words = words_of(name)
    while words:
        last, pair = words[-1], "+".join(words[-2:])
        if pair in _HARMLESS:
            return False
        if last in SECRET_WORDS or pair in SECRET_PAIRS:
            return True
        if last not in _TRAILING and not last.isdigit():
            return False
        words = words[:-1]
    return False


def is_header_name(name: str) -> bool:
    """Whether the value of this header runs to the end of the line: `Authorization`, `Set-Cookie`."""
    words = words_of(name)
    return bool(words) and words[-1] in HEADER_NAMES


def may_hold_blanks(name: str) -> bool:
    """Whether an unquoted value under this name may be several words: `passphrase: correct horse`."""
    words = words_of(name)
    return bool(words) and words[-1] in PHRASE_WORDS
