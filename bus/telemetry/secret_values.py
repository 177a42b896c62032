"""Finds values that their names give away, in any of the notations that programs print. Pure.

A scanner finds names with what separates them from a value, and reads the value from there on: between quotes
with any number of backslashes before them, in brackets, to the end of a line, or to the next separator. What
counts as a separator depends on where the name stands: in a query, in a list, or on its own. Each character
is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from bus.telemetry.secret_names import is_header_name, is_secret_name, may_hold_blanks, word_set

BRACKETS_LIMIT: Final = 4 * 1024
"""How far the end of a list or map is looked for."""

SCHEMES: Final = word_set(
    """
    bearer basic digest token negotiate ntlm apikey api-key aws4-hmac-sha256 aws hawk hmac key oauth
    gnap dpop sharedkey sharedkeylite mac signature scram-sha-256 scram-sha-1 vapid privatetoken splunk
    """
)
"""Words in front of credentials (RFC 9110, section 11): the value goes on behind them."""

NOTHING: Final = word_set(
    """
    null none nil undefined true false yes no on off empty unset missing required optional invalid wrong
    expired set not is was were has have had from in for and or the a an of to too must should could
    will incorrect unknown changed accepted refused rejected denied found given needed absent present
    str string int bool bytes hidden redacted expected
    """
)
"""Words that stand where a value would, and are none."""

_NAMED: Final = re.compile(
    r"(?:(?<![A-Za-z0-9_])|(?<=%[0-9A-Fa-f]{2}))(?P<name>[-A-Za-z_$@.][A-Za-z0-9_.$-]{0,127})"
    r"(?P<sign>"
    r"[ \t]{0,8}:[ \t]{0,8}[A-Za-z_][\w.]{0,32}(?:\[[^\]\s]{0,32}\])?[ \t]{0,8}=[ \t]{0,8}(?=b?[\"'])"
    r"|(?:\\{0,8}[\"'`]|%22|&quot;|&\#34;)?\]?(?:[ \t]|%20){0,8}"
    r"(?:=>|:=|->|==?|:(?!//)|%3[DdAa]|\|)(?:[ \t]|%20){0,8}"
    r"|\\{0,8}[\"'],[ \t]{0,8}(?:\\{0,8}[\"']value\\{0,8}[\"'][ \t]{0,8}:[ \t]{0,8})?(?=b?\\{0,8}[\"'])"
    r"|\((?=b?\\{0,8}[\"'])"
    r"|>(?=[^<\s])"
    r"|[ \t]{1,8}is[ \t]{1,8}(?=\S)"
    r"|[ \t]{1,8}(?=[^\s=:|>-]))"
)
_QUOTE: Final = re.compile(
    r"[bBrRuUfF]{0,2}(?:(?P<escape>\\{0,8})(?P<quote>[\"'`])|(?P<entity>%22|&quot;|&#34;))"
)
_IN_QUERY: Final = re.compile(r"[^\s\"'<>&#\x00]{1,8192}")
_IN_LIST: Final = re.compile(r"(?:[^\s\"'`,;&}\])<>|\x00\\]|\\(?![nrt\"'\\])){1,8192}")
_ALONE: Final = re.compile(r"(?:[^\s\"'`<>\x00\\]|\\(?![nrt\"'\\])){1,8192}")
_LINE: Final = re.compile(r"(?:[^\r\n\x00\\]|\\(?![nr])){1,8192}")
_ELEMENT: Final = re.compile(r"[^<]{1,8192}")
_BLOCK: Final = re.compile(r"[|>][+-]?\d?[ \t]{0,8}\r?\n(?:[ \t][^\r\n]*(?:\r?\n|\Z))+")
_BLANKS: Final = re.compile(r"[ \t]{1,8}")
_TOKEN: Final = re.compile(r"<[a-z]+:[0-9a-f]{8}>")
_NUMBER: Final = re.compile(r"[-+]?\d{1,7}(?:\.\d{1,6})?%?")
_REFERENCE: Final = re.compile(
    r"\$\{?[A-Za-z_]\w{0,64}\}?|\$\([^)]{0,64}\)?|%[A-Za-z_]\w{0,64}%|\*{3,64}|\.{3,64}|x{4,64}",
    re.IGNORECASE,
)
_MIXED: Final = re.compile(r"(?=.*[0-9!#$%^&*+~?@])(?=.*[A-Za-z]).{4,}")
_ARGUMENT: Final = re.compile(
    r"(?:(?<=\s)(?:-u|--user|--proxy-user)[ =]['\"]?[^\s:'\"]{1,128}:(?P<login>[^\s'\"]{1,512}))"
    r"|(?:\b(?:sshpass|docker\s{1,4}login[^\n]{0,128}?)\s{1,4}-p\s{0,4}['\"]?(?P<option>[^\s'\"-][^\s'\"]{0,511}))"
    r"|(?:\b(?:mysql|mysqldump|mysqladmin|mariadb)\s[^\n]{0,256}?(?<=\s)-p(?P<glued>[^\s'\"]{1,512}))"
    r"|(?:\bredis-cli\s[^\n]{0,128}?(?<=\s)-a\s{1,4}(?P<redis>[^\s'\"]{1,512}))"
    r"|(?:\bIDENTIFIED\s{1,4}BY\s{1,4}(?:PASSWORD\s{1,4})?['\"](?P<sql>[^'\"]{1,512}))",
    re.IGNORECASE,
)
_OPENED: Final = re.compile(r"[(\[][ ]?b?\\{0,8}[\"']\Z")
_PROGRAMS: Final = (" -u", "-user", "sshpass", "docker", "mysql", "maria", "redis", "identified")
_STEMS: Final = tuple(
    word_set(
        """
        pass pw psw wort secret token key cred auth cookie jwt bearer sid sess sig hmac otp pin cvv csrf xsrf
        mnemonic phrase netrc dsn hook code url string conn answer
        """
    )
)
"""Parts of all words that make a name secret: most lines have none of them."""

_CLOSING: Final = {"{": "}", "[": "]", "(": ")"}
_SPOKEN: Final = word_set("password passwd passphrase passcode pin token secret")
_QUERY_SIGNS: Final = "?&#"
_LIST_SIGNS: Final = "{[(,;"


class SecretSpan(NamedTuple):
    """Where a secret value lies in a text: `[start, end)`."""

    start: int
    end: int


class _Place(NamedTuple):
    """A name, and where its value would begin."""

    text: str
    name: str
    name_start: int
    sign: str
    start: int

    @property
    def before(self) -> str:
        """The character in front of the name, and of dashes or quotes that belong to it."""
        return self.text[self.name_start - 1 : self.name_start]


def named_values(text: str) -> Iterator[SecretSpan]:
    """The values in a text whose names say that they are secret, in order, without overlap."""
    lowered = text.lower()
    if not any(stem in lowered for stem in _STEMS):
        return
    position = 0
    while (found := _NAMED.search(text, position)) is not None:
        position = found.end("name")
        if (token := _TOKEN.match(text, max(0, found.start("name") - 1))) is not None:
            position = token.end()
            continue
        if not is_secret_name(found["name"]):
            continue
        place = _Place(text, found["name"], found.start("name"), found["sign"], found.end())
        span = _value_at(place)
        if span is not None and span.start < span.end:
            yield span
            position = max(position, span.end)


def argument_values(text: str) -> Iterator[SecretSpan]:
    """The passwords of well-known programs whose options have no telling name."""
    lowered = text.lower()
    if not any(program in lowered for program in _PROGRAMS):
        return
    for found in _ARGUMENT.finditer(text):
        group = found.lastgroup
        if group is not None and not _TOKEN.fullmatch(found[group]):
            yield SecretSpan(*found.span(group))


def _value_at(place: _Place) -> SecretSpan | None:
    text, start, sign = place.text, place.start, place.sign.strip(" \t")
    if _TOKEN.match(text, start):
        return None
    if sign[-1:] == "," and not _OPENED.search(text[max(0, place.name_start - 12) : place.name_start]):
        return None  # two names in a list; a pair stands alone in its brackets
    if ":" in sign and (block := _BLOCK.match(text, start)) is not None:
        return SecretSpan(start, block.end())
    if sign == "(" and not place.name.rpartition(".")[2][:1].isupper():
        return None  # a call of a function, not a value that shows its type
    if (quoted := _QUOTE.match(text, start)) is not None:
        is_spoken = sign in ("", "is") and not place.name.startswith("-")
        return _spoken(place, quoted) if is_spoken else _quoted(text, quoted)
    if sign == ">":
        return _span(_ELEMENT.match(text, start), place.name) if place.before == "<" else None
    if sign in ("", "is"):
        return _behind_blank(place, sign)
    if text[start : start + 1] in _CLOSING:
        return _bracketed(text, start)
    if is_header_name(place.name) and not place.name.startswith("-") and ":" in sign:
        return _rest_of_line(place)
    return _bare(place)


def _quoted(text: str, opening: re.Match[str]) -> SecretSpan | None:
    """What stands between quotes on one line; a quote ends it only if an equally escaped one opened it."""
    start = opening.end()
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    closing = opening["entity"] or f"{opening['escape']}{opening['quote']}"
    end = start
    while (end := text.find(closing, end, line_end)) >= 0:
        backslashes = 0
        while end - backslashes > start and text[end - backslashes - 1] == "\\":
            backslashes += 1
        if opening["entity"] or backslashes % 2 == 0:
            break
        end += len(closing)
    end = line_end if end < 0 else end
    scheme_end = _scheme_end(text, start, end)
    return SecretSpan(scheme_end, end) if _is_something(text[scheme_end:end]) else None


def _spoken(place: _Place, quoted: re.Match[str]) -> SecretSpan | None:
    """`PASSWORD 'x'`, as in SQL, or `the password is 'x'`; not `the token 'x' is unknown` of a parser."""
    span = _quoted(place.text, quoted) if place.name.casefold() in _SPOKEN else None
    if span is None or place.text[span.start : span.start + 1].isspace():
        return None
    is_parser = place.name.casefold() in ("token", "secret") and not place.sign.strip()
    return None if is_parser else span


def _behind_blank(place: _Place, sign: str) -> SecretSpan | None:
    """A blank alone between name and value: options, netrc files, prose."""
    found = _ALONE.match(place.text, place.start)
    if found is None or found[0].startswith("-"):
        return None
    value = found[0].rstrip(".,;:)")
    if place.name.startswith("-"):
        return _span(found, place.name)
    if place.name.casefold() not in _SPOKEN or not _is_something(value, place.name):
        return None
    if sign == "is" or place.text[max(0, place.name_start - 200) : place.name_start].find(" login ") >= 0:
        return SecretSpan(found.start(), found.start() + len(value))
    return SecretSpan(found.start(), found.start() + len(value)) if _MIXED.fullmatch(value) else None


def _bracketed(text: str, start: int) -> SecretSpan:
    """A list or map, up to the bracket that closes it, or the end of what is looked at."""
    expected: list[str] = []
    end = min(len(text), start + BRACKETS_LIMIT)
    quote = ""
    for position in range(start, end):
        sign = text[position]
        if quote:
            if sign == quote and text[position - 1] != "\\":
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif sign in _CLOSING:
            expected.append(_CLOSING[sign])
        elif expected and sign == expected[-1]:
            expected.pop()
            if not expected:
                return SecretSpan(start, position + 1)
    return SecretSpan(start, end)


def _rest_of_line(place: _Place) -> SecretSpan | None:
    """The value of a header: to the end of the line, or to the quote that was opened before its name."""
    found = _LINE.match(place.text, place.start)
    if found is None:
        return None
    end = found.end()
    if place.before and place.before in "\"'`":
        closing = place.text.find(place.before, place.start, end)
        end = closing if closing >= 0 else end
    start = _scheme_end(place.text, place.start, end)
    value = place.text[start:end].rstrip()
    return SecretSpan(start, start + len(value)) if _is_something(value, place.name) else None


def _bare(place: _Place) -> SecretSpan | None:
    """A value without quotes. How far it goes depends on what the name stands behind."""
    before = place.before
    if before and before in _QUERY_SIGNS:
        found = _IN_QUERY.match(place.text, place.start)
    elif before and before in _LIST_SIGNS:
        found = _IN_LIST.match(place.text, place.start)
    elif may_hold_blanks(place.name) and place.sign[-1:] in " \t":
        return _phrase(place)
    else:
        found = _ALONE.match(place.text, place.start)
    if found is None:
        return None
    start = _scheme_end(place.text, found.start(), found.end() + 1)
    if start != found.start() and (behind := _IN_LIST.match(place.text, start)) is not None:
        return SecretSpan(*behind.span())
    return _span(found, place.name)


def _phrase(place: _Place) -> SecretSpan | None:
    found = re.compile(r"[^\r\n\"'`,;<>\x00]{1,256}").match(place.text, place.start)
    return _span(found, place.name)


def _scheme_end(text: str, start: int, end: int) -> int:
    """Where the credentials begin, if the value begins with the name of a scheme."""
    blank = text.find(" ", start, min(end, start + 40))
    if blank > 0 and text[start:blank].casefold() in SCHEMES:
        behind = _BLANKS.match(text, blank)
        return behind.end() if behind is not None else start
    return start


def _span(found: re.Match[str] | None, name: str) -> SecretSpan | None:
    if found is None:
        return None
    value = found[0].rstrip()
    return SecretSpan(found.start(), found.start() + len(value)) if _is_something(value, name) else None


def _is_something(value: str, name: str = "") -> bool:
    """Whether a value says something: not `null`, a reference such as `$TOKEN`, or the count of tokens."""
    bare = value.strip(" \t,;.:)}]")
    if (
        not bare
        or bare.casefold() in NOTHING
        or _TOKEN.fullmatch(value.strip())
        or _REFERENCE.fullmatch(bare)
    ):
        return False
    return not (_NUMBER.fullmatch(bare) and name.casefold().rstrip("s").endswith(("token", "auth", "cookie")))
