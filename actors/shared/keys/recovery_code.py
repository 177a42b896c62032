"""Recovery codes: 120 random bits that people can write down, read out and type."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from actors.shared.crypto.cipher import KEY_BYTES, DataKey
from bus.errors import OperatorError

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O and U."""

CODE_BYTES: Final = 15
GROUP: Final = 4
CHECK_CHARACTERS: Final = 4
CODE_CHARACTERS: Final = CODE_BYTES * 8 // 5 + CHECK_CHARACTERS
SALT_BYTES: Final = 16
ITERATIONS: Final = 3
LANES: Final = 4
MEMORY_KIB: Final = 64 * 1024
"""Argon2id with the parameters for little memory (RFC 9106, 4): the code itself already has 120 bits."""

_ALIKE: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


class RecoveryCodeMistyped(OperatorError):
    """A recovery code has a typing error. That shows before any key is tried with it.

    Attributes:
        problem: what was found and what was expected; shows nothing of the code.
    """

    problem: str
    words = "the recovery code is mistyped: {problem}; compare it with what was written down"


def new_code() -> str:
    """A fresh code: seven groups of four characters, the last group a checksum."""
    return render(os.urandom(CODE_BYTES))


def render(secret: bytes) -> str:
    """The code of 15 bytes."""
    number = int.from_bytes(secret)
    characters = "".join(
        ALPHABET[number >> shift & 31] for shift in range(CODE_BYTES * 8 - 5, -1, -5)
    ) + _checksum(secret)
    return "-".join(characters[at : at + GROUP] for at in range(0, len(characters), GROUP))


def parse(code: str) -> bytes:
    """The 15 bytes of a code. Accepts small letters, spaces, missing hyphens, O for 0, and I or L for 1.

    Raises:
        RecoveryCodeMistyped: its length, a character or its checksum is wrong.
    """
    characters = "".join(
        character for character in code.upper().translate(_ALIKE) if character not in "- \t\r\n"
    )
    if len(characters) != CODE_CHARACTERS:
        raise RecoveryCodeMistyped(f"it has {len(characters)} characters, expected {CODE_CHARACTERS}")
    if any(character not in ALPHABET for character in characters):
        raise RecoveryCodeMistyped("it holds a character that no code has")
    number = 0
    for character in characters[:-CHECK_CHARACTERS]:
        number = number << 5 | ALPHABET.index(character)
    secret = number.to_bytes(CODE_BYTES)
    if characters[-CHECK_CHARACTERS:] != _checksum(secret):
        raise RecoveryCodeMistyped("its last group does not fit the others")
    return secret


def derive(secret: bytes, key_id: str, salt: bytes, iterations: int, lanes: int, memory_kib: int) -> DataKey:
    """The key that a code stands for, by Argon2id (RFC 9106)."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return DataKey(
        key_id,
        Argon2id(
            salt=salt, length=KEY_BYTES, iterations=iterations, lanes=lanes, memory_cost=memory_kib
        ).derive(secret),
    )


def _checksum(secret: bytes) -> str:
    number = int.from_bytes(hashlib.sha256(b"undercroft recovery code" + secret).digest()[:3]) >> 4
    return "".join(ALPHABET[number >> shift & 31] for shift in range(CHECK_CHARACTERS * 5 - 5, -1, -5))
