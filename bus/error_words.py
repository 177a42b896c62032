"""Says what went wrong in words for people, whatever was raised: never a class or a repr. Pure.

Alerts, problems, refusals and findings go through here, unless the error is one of our own.
"""

from __future__ import annotations

import json
import os
import re
from typing import Final

import msgspec

from bus.errors import UndercroftError
from bus.plain_text import plain_line

_AT: Final = re.compile(r" - at `\$\.?(?P<place>.*)`\s*$", re.DOTALL)
_WORDS_LIMIT: Final = 2000


def in_words(error: BaseException) -> str:
    """What an error says, on one line, without the names of classes and without Python's quotes.

    Of an error of the operating system: the path if it has one, and the system's words.
    """
    words = " ".join(_words(error).split())
    cleaned = plain_line(words.encode("utf-8", "replace").decode(), _WORDS_LIMIT + 1)
    return cleaned if len(cleaned) <= _WORDS_LIMIT else f"{cleaned[:_WORDS_LIMIT]}..."


def _words(error: BaseException) -> str:
    match error:
        case UndercroftError():
            return str(error)
        case OSError():
            return _of_the_system(error)
        case UnicodeDecodeError():
            byte = error.object[error.start : error.start + 1].hex()
            return f"it is not UTF-8: found the byte 0x{byte} at {error.start}"
        case UnicodeEncodeError():
            return "it holds half of a character"
        case RecursionError():
            return "it is nested too deeply"
        case MemoryError():
            return "it needs more memory than there is"
        case msgspec.ValidationError() | msgspec.DecodeError():
            return _of_a_decoder(str(error))
        case json.JSONDecodeError():
            return f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        case ModuleNotFoundError() if error.name:
            return f"there is no module {error.name}"
        case KeyError() if error.args:
            return f"there is no {error.args[0]}"
    return str(error) or _plain_name(error)


def _of_the_system(error: OSError) -> str:
    words = error.strerror or (os.strerror(error.errno) if error.errno else "")
    if not words:
        return str(error) or _plain_name(error)
    places = [
        os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)
    ]
    return f"{' to '.join(places)}: {words}" if places else words


def _of_a_decoder(text: str) -> str:
    found = _AT.search(text, max(0, len(text) - _WORDS_LIMIT))
    words = text[: found.start()] if found else text
    words = words.replace("`", "").replace(", got ", ", found ")
    words = words[:1].lower() + words[1:] if not words.startswith("JSON") else words
    return f"{found['place']}: {words}" if found and found["place"] else words


def _plain_name(error: BaseException) -> str:
    """`TimeoutError` as `timeout`: better than nothing."""
    name = type(error).__name__.removesuffix("Error").removesuffix("Exception") or "an unknown failure"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
