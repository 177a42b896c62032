"""Takes secrets and private things out of text, for log records and again for reports. Pure.

A token takes their place, `<kind:1f3a9c02>`: a keyed digest. Equal things have equal tokens within one
report, and cannot be recognised or compared beyond it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bus.telemetry.secret_names import is_secret_name
from bus.telemetry.secret_shapes import chance_secrets, shaped_secrets
from bus.telemetry.secret_values import SecretSpan, argument_values, named_values

TEXT_LIMIT: Final = 64 * 1024
"""Longer text is cut first, so that one record cannot keep a process busy."""

WORD_REACH: Final = 4 * 1024
"""How far before that cut the beginning of its last word is looked for."""

SECRET_LENGTH: Final = 6
"""Shorter secrets are not looked for: they would match in ordinary words."""

PUBLIC_HOSTS: Final = frozenset(
    {
        "localhost",
        "127.0.0.1",
        "::1",
        "::",
        "0.0.0.0",  # noqa: S104  # not bound to: recognised in text
        "huggingface.co",
        "hf.co",
        "github.com",
        "registry.ollama.ai",
        "ollama.com",
    }
)
"""Hosts that say nothing about a person: everybody fetches models from them."""

PRIVATE_TEXT_FIELDS: Final = frozenset(
    {
        "text",
        "transcript",
        "transcription",
        "prompt",
        "system_prompt",
        "completion",
        "message_text",
        "clipboard",
        "utterance",
        "content",
        "selection",
    }
)
"""Fields that hold what a person said or wrote. Only their length is shown."""

TOKEN: Final = re.compile(r"<([a-z]+):[0-9a-f]{8}>")
"""What is left of a value: its kind and a keyed digest. Tokens stay, so text may be redacted twice."""

_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_PEM_BODY = re.compile(
    r"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70}|[A-Za-z0-9+/]{76})(?![A-Za-z0-9+/])"
)
_WEB = re.compile(
    r"(?<![A-Za-z0-9+.-])[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>\\]{1,8192}"
    r"(?:<[a-z]+:[0-9a-f]{8}>[^\s\"'<>\\]{0,8192}){0,8}",
    re.IGNORECASE,
)
_SCHEME = re.compile(
    r"\b(?P<scheme>(?:Bearer|Basic|Token|ApiKey|Negotiate|DPoP|AWS4-HMAC-SHA256|SharedKey)[ \t]{1,4})"
    r"(?P<value>[A-Za-z0-9._~+/=:-]{8,8192})",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_ADDRESS_6 = re.compile(
    r"(?<![0-9A-Za-z:.])(?:(?:[0-9A-Fa-f]{1,4}:){2,7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,7}:(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6})?"
    r"|::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}))(?:%[A-Za-z0-9]{1,16})?(?![0-9A-Za-z:])"
)
_HOME = re.compile(
    r"(?P<root>(?<![A-Za-z0-9_.-])(?:/home|/Users|/var/home|/export/home)/|[A-Za-z]:(?:\\{1,4}|/)Users(?:\\{1,4}|/))"
    r"(?P<user>[^\s/\\\"':;,<>|)}\]]{1,64})"
)
IPV6_GROUPS: Final = 3
"""Addresses with fewer groups are not told from `[::2]` or `a::b`."""

_HOME_HINT: Final = re.compile(r"home/|Users")
_LONG_RUN: Final = re.compile(r"[^\s\"']{14}")
"""Secrets that show by their look are no shorter. Most lines have no such run."""

_SHARED_HOMES: Final = frozenset({"shared", "public", "default", "all", "linuxbrew", "runner"})
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^@/?#]*)@)?(?P<host>\[[^\]]*\]|[^/:?#]*)(?P<rest>.*)",
    re.DOTALL,
)
_DIGEST: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_PARTS: Final = re.compile(r"([?&#;])")
_SIGNED = re.compile(r"sig|token|key|cred|secret|auth|pass|expires|policy|code|sas|session", re.IGNORECASE)


class Redactor:
    """Takes private things out of text and data. Equal salts give equal tokens.

    Attributes:
        counts: how often each kind was taken out.
    """

    def __init__(
        self,
        salt: bytes,
        *,
        homes: Iterable[str] = (),
        users: Iterable[str] = (),
        hosts: Iterable[str] = (),
        secrets: Iterable[str] = (),
        places: Mapping[str, str] | None = None,
    ) -> None:
        """Make a redactor.

        Args:
            salt: keys the tokens; each report has a new one, so that reports cannot be compared.
            homes: directories of people; paths below them keep their names.
            users: names of accounts.
            hosts: names of this machine.
            secrets: values that must not show, whatever they look like.
            places: directories of this app, to what stands for each, such as `models`.
        """
        self._salt = salt
        self.counts: dict[str, int] = {}
        self._secrets = set[str]()
        self._secret: re.Pattern[str] | None = None
        self._names = {
            name.casefold(): kind
            for kind, names in (("user", users), ("host", hosts))
            for name in names
            if len(name) > 1
        }
        self._places = {path.rstrip("/\\").casefold(): place for path, place in (places or {}).items()}
        self._name = _any_of(
            {
                "place": _longest_first(places or {}),
                "home": _longest_first(homes),
                "name": _longest_first(self._names),
            }
        )
        self._passes: tuple[tuple[tuple[str, ...], re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
            (("-----BEGIN",), _PEM, lambda match: self.token("key", match[0])),
            (("://",), _WEB, self._web),
        )
        self._later_passes: tuple[
            tuple[tuple[str, ...], re.Pattern[str], Callable[[re.Match[str]], str]], ...
        ] = (
            ((" ", "\t"), _SCHEME, self._scheme),
            (("@",), _EMAIL, lambda match: self.token("email", match[0].casefold())),
            ((".",), _ADDRESS, lambda match: self._host(match[0])),
            ((":",), _ADDRESS_6, self._address_6),
        )
        self.add_secrets(secrets)

    def add_secrets(self, secrets: Iterable[str]) -> None:
        """Look for further secrets from now on."""
        self._secrets |= {secret for secret in secrets if len(secret) >= SECRET_LENGTH}
        self._secret = _any_of({"secret": _longest_first(self._secrets)})

    def token(self, kind: str, value: str) -> str:
        """The token that takes the place of a value."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        digest = hmac.new(
            self._salt, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()[:8]
        return f"<{kind}:{digest}>"

    def text(self, text: str) -> str:
        """The text without what is private in it."""
        if len(text) > TEXT_LIMIT:
            kept = _up_to_a_blank(text[:TEXT_LIMIT])
            text = f"{kept} ... {len(text) - len(kept)} characters cut"
        if self._secret is not None:  # first, as a whole: a later rule might take out only a part
            text = self._secret.sub(lambda found: self.token("secret", found[0].casefold()), text)
        text = self._run(self._passes, text)
        text = self._cut(text, named_values(text), "secret")
        text = self._cut(text, argument_values(text), "secret")
        text = self._run(self._later_passes, text)
        if _LONG_RUN.search(text) is not None:
            text = self._cut(text, shaped_secrets(text), "secret")
            text = _PEM_BODY.sub(self._pem_body, text)
            text = self._cut(text, chance_secrets(text), "secret")
        if self._name is not None:
            text = self._name.sub(self._named, text)
        return _HOME.sub(self._other_home, text) if _HOME_HINT.search(text) is not None else text

    def data(self, value: Any, name: str = "") -> Any:
        """Plain data without what is private in it, by its look and by the name of its field."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(inner, name) for inner in value]
        if isinstance(value, bytes):
            return f"<{len(value)} bytes>"
        if name and is_secret_name(name) and value not in ("", None) and not isinstance(value, bool):
            return self.token("secret", str(value))
        if isinstance(value, str):
            if name in PRIVATE_TEXT_FIELDS:
                self.counts["words"] = self.counts.get("words", 0) + 1
                return f"<{len(value)} characters>"
            return self.text(value)
        return value

    # -- what is found

    def _named(self, match: re.Match[str]) -> str:
        found = match[0]
        if match.lastgroup == "place":
            self.counts["place"] = self.counts.get("place", 0) + 1
            return f"<{self._places[found.casefold()]}>"
        if match.lastgroup == "home":
            self.counts["home"] = self.counts.get("home", 0) + 1
            return "~"
        return self.token(self._names[found.casefold()], found.casefold())

    def _run(
        self,
        passes: Iterable[tuple[tuple[str, ...], re.Pattern[str], Callable[[re.Match[str]], str]]],
        text: str,
    ) -> str:
        for signs, pattern, read in passes:
            if any(sign in text for sign in signs):
                text = pattern.sub(read, text)
        return text

    def _cut(self, text: str, spans: Iterable[SecretSpan], kind: str) -> str:
        """Put a token in the place of each span."""
        pieces: list[str] = []
        end = 0
        for span in spans:
            if span.start >= end:
                pieces += text[end : span.start], self.token(kind, text[span.start : span.end])
                end = span.end
        return "".join((*pieces, text[end:])) if pieces else text

    def _scheme(self, match: re.Match[str]) -> str:
        value = match["value"]
        is_word = value.isalpha() and (value.islower() or value.istitle())
        return match[0] if is_word else match["scheme"] + self.token("secret", value)

    def _pem_body(self, match: re.Match[str]) -> str:
        return match[0] if _DIGEST.fullmatch(match[0]) else self.token("key", match[0])

    def _address_6(self, match: re.Match[str]) -> str:
        bare = match[0].partition("%")[0]
        try:
            ipaddress.IPv6Address(bare)
        except ValueError:
            return match[0]
        if len([group for group in bare.split(":") if group]) < IPV6_GROUPS:
            return match[0]  # a slice, a time, a scope of C++
        return self._host(bare)

    def _other_home(self, match: re.Match[str]) -> str:
        user = match["user"]
        if user.casefold() in _SHARED_HOMES or user.startswith("<"):
            return match[0]
        return match["root"] + self.token("user", user.casefold())

    def _web(self, found: re.Match[str]) -> str:
        match = _URL.fullmatch(found[0])
        if match is None:
            return self.token("url", found[0])
        user = (
            f"{match['user'] if TOKEN.fullmatch(match['user']) else self.token('secret', match['user'])}@"
            if match["user"]
            else ""
        )
        rest = match["rest"]
        if any(sign in rest for sign in "?#"):
            rest = "".join(self._parameter(part) for part in _PARTS.split(rest))
        return f"{match['scheme']}://{user}{self._host(match['host'])}{rest}"

    def _parameter(self, part: str) -> str:
        name, sign, value = part.partition("=")
        if sign and value and not TOKEN.fullmatch(value) and _SIGNED.search(name[-64:]):
            return f"{name}={self.token('secret', value)}"
        return part

    def _host(self, host: str) -> str:
        bare = host.strip("[]").casefold()
        if (
            not bare
            or bare in PUBLIC_HOSTS
            or bare.startswith(("127.", "<"))
            or any(bare.endswith(f".{known}") for known in PUBLIC_HOSTS)
        ):
            return host
        return self.token("host", bare)


def _up_to_a_blank(text: str) -> str:
    """The text without its last word, which may be the beginning of a secret that nobody recognises."""
    blank = re.compile(r"\s(?=\S*\Z)").search(text, max(0, len(text) - WORD_REACH))
    return text if blank is None else text[: blank.start()]


def resalt(text: str, salt: bytes) -> str:
    """Replace every token by one of another salt, which no other report has. Equal tokens stay equal."""
    return TOKEN.sub(
        lambda found: f"<{found[1]}:{hmac.new(salt, found[0].encode(), hashlib.sha256).hexdigest()[:8]}>",
        text,
    )


_END_OF_PATH: Final = r"(?=$|[/\\\s\"'`:,;)\]}>]|\.(?:\s|$))"
_EDGES: Final = {
    "secret": ("", ""),
    "place": ("", _END_OF_PATH),
    "home": ("", r"(?=$|[/\\\s\"':,;)])"),
    "name": (r"(?<![A-Za-z0-9<])", r"(?![A-Za-z0-9])"),
}
"""What must stand before and after a known value of each kind."""


def _longest_first(values: Iterable[str]) -> list[str]:
    return sorted(
        {value.rstrip("/\\") for value in values if len(value.rstrip("/\\")) > 1}, key=len, reverse=True
    )


def _any_of(known: dict[str, list[str]]) -> re.Pattern[str] | None:
    """A pattern that finds any of the known values, by kind; None: there are none."""
    parts = [
        f"{_EDGES[kind][0]}(?P<{kind}>{'|'.join(map(re.escape, values))}){_EDGES[kind][1]}"
        for kind, values in known.items()
        if values
    ]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None
