"""Reads URLs of the web: which may be asked, what their origin is, and how to show them. Pure.

Nothing here raises anything but `UrlRefused`, whatever a URL looks like.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from actors.shared.http.answers.field_values import read_number
from actors.shared.http.answers.stranger_text import quoted
from bus.errors import UndercroftError

URL_LIMIT_CHARACTERS: Final = 8192
HOST_LIMIT_CHARACTERS: Final = 253
SHOWN_LIMIT: Final = 300
READ_URLS_KEPT: Final = 64
"""One request looks at its URL several times."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_ALLOWED: Final = re.compile(r"[\x21-\x7e]+")
_PLACE: Final = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?::(?P<port>.*))?")
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER_AT_END: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")
_AUTHORITY: Final = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)([^/?#]*)(.*)", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SAFE: Final = "!#$%&'()*+,-./:;=?@[]_~"


class UrlRefused(UndercroftError):
    """A text is no URL that may be asked.

    Attributes:
        problem: why, in a sentence about it.
    """

    problem: str
    words = "{problem}"


@dataclass(frozen=True, slots=True)
class WebUrl:
    """A URL of http or https, taken apart.

    Attributes:
        host: a name, or an address without brackets; in lower case.
        port: None: that of the scheme.
        path: starts with a slash, or is empty.
        query: without its question mark.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @property
    def port_number(self) -> int:
        """The port to connect to."""
        return self.port or _DEFAULT_PORTS[self.scheme]

    @property
    def target(self) -> str:
        """What a request line names: path and query."""
        return (self.path or "/") + (f"?{self.query}" if self.query else "")

    @property
    def place(self) -> str:
        """Host and port as a URL has them; the scheme's own port is left out."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        own = self.port in (None, _DEFAULT_PORTS[self.scheme])
        return shown if own else f"{shown}:{self.port}"


@functools.lru_cache(maxsize=READ_URLS_KEPT)
def read_url(text: str) -> WebUrl:
    """Take a URL apart.

    Raises:
        UrlRefused: it is none of the web, names no host or port that can exist, holds credentials, is too
            long, or holds something that has to be percent-encoded.
    """
    if len(text) > URL_LIMIT_CHARACTERS:
        raise UrlRefused(f"it has {len(text)} characters, expected at most {URL_LIMIT_CHARACTERS}")
    parts = url_parts(text)
    if parts is None:
        raise UrlRefused("it is no URL")
    if parts.scheme not in _DEFAULT_PORTS:
        raise UrlRefused(f"its scheme is {quoted(parts.scheme)!r}, expected 'https' or 'http'")
    if not _ALLOWED.fullmatch(text):
        raise UrlRefused("it holds a character that has to be percent-encoded")
    _, at, place = parts.netloc.rpartition("@")
    if at:
        raise UrlRefused("it holds credentials")
    found = _PLACE.fullmatch(place)
    if found is None:
        raise UrlRefused(f"its host {quoted(place)!r} cannot be read")
    port = read_number(found["port"], 65_535) if found["port"] else None
    if found["port"] and not port:
        raise UrlRefused(f"its port is {quoted(found['port'], 20)!r}, expected 1 to 65535")
    return WebUrl(parts.scheme, _host(found["six"], found["name"]), port, parts.path, parts.query)


def url_problem(url: str) -> str | None:
    """Why a file cannot be fetched from this URL; None if it can."""
    try:
        read_url(url)
    except UrlRefused as refused:
        return refused.problem
    return None


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL (RFC 6454 section 4), such as `https://huggingface.co`.

    Empty for a URL that may not be asked. Leaves out the scheme's own port.
    """
    try:
        found = read_url(url)
    except UrlRefused:
        return ""
    return f"{found.scheme}://{found.place}"


def may_carry_secrets(url: str) -> bool:
    """Whether nobody on the way can listen: the URL is https, or of this machine."""
    parts = url_parts(url)
    if parts is None:
        return False
    return parts.scheme == "https" or is_this_machine(url)


def is_this_machine(url: str) -> bool:
    """Whether a URL names this machine itself. A name that only resolves to it is another one."""
    parts = url_parts(url)
    host = ((parts.hostname if parts else "") or "").removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback or (mapped or address).is_unspecified


def shown_url(url: str) -> str:
    """A URL without user, password and query, which can hold secrets, as in signed URLs. Clean, and cut."""
    parts = url_parts(url)
    if parts is None:
        return "(no URL)"
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return quoted(bare, SHOWN_LIMIT)


def url_parts(text: str) -> SplitResult | None:
    """The parts of any URL, unchecked; None if it has none."""
    try:
        parts = urlsplit(text)
        parts.hostname  # noqa: B018  # raises for brackets that do not match
    except ValueError:
        return None
    return parts


def encoded_location(location: str) -> str:
    """A Location field as a URL of ASCII: raw bytes percent-encoded, a name of another script as IDNA has it.

    Args:
        location: as it came, in Latin-1; it may be relative.

    Raises:
        UrlRefused: it is too long, holds control characters, or a host that has no name in ASCII.
    """
    text = location.strip(" \t")
    if len(text) > URL_LIMIT_CHARACTERS:
        raise UrlRefused(f"it has {len(text)} characters, expected at most {URL_LIMIT_CHARACTERS}")
    if _CONTROL.search(text):
        raise UrlRefused("it holds control characters")
    start, authority, rest = "", "", text
    if found := _AUTHORITY.fullmatch(text):
        start, authority, rest = found.groups()
        if not authority.isascii():
            authority = _in_ascii(authority)
    return start + authority + quote(_raw(rest), safe=_SAFE)


def _host(six: str | None, name: str | None) -> str:
    if six is not None:
        try:
            if "%" not in six:  # a zone means nothing to another machine
                return str(ipaddress.IPv6Address(six))
        except ValueError:
            pass
        raise UrlRefused(f"its host is [{quoted(six, 60)}], expected an IPv6 address")
    host = (name or "").removesuffix(".").lower()
    if not host:
        raise UrlRefused("it names no host")
    if len(host) > HOST_LIMIT_CHARACTERS or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise UrlRefused(f"its host {quoted(host, 60)!r} is no name that a host can have")
    if _NUMBER_AT_END.search(host):  # systems take such names for addresses, each in its own way
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as error:
            raise UrlRefused(f"its host {quoted(host, 60)!r} is no IPv4 address") from error
    return host


def _in_ascii(authority: str) -> str:
    """A host in another script by IDNA. Its bytes are UTF-8, or else Latin-1."""
    raw = _raw(authority)
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = raw.decode("latin-1")
    host, colon, port = name.rpartition(":") if name.rpartition(":")[2].isdecimal() else (name, "", "")
    if len(host) > HOST_LIMIT_CHARACTERS:
        raise UrlRefused("its host is longer than a name can be")
    try:
        return host.encode("idna").decode() + colon + port
    except UnicodeError as error:
        raise UrlRefused(f"its host {quoted(host, 60)!r} has no name in ASCII") from error


def _raw(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
