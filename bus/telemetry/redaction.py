"""Takes secrets and private things out of text, for log records and again for reports. Pure.

A token takes their place, `<kind:1f3a9c02>`: a keyed digest. Equal things have equal tokens within one
report, and cannot be recognised or compared beyond it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

TEXT_LIMIT: Final = 64 * 1024
"""Longer text is cut first, so that one record cannot keep a process busy."""

SECRET_LENGTH: Final = 6
"""Shorter secrets are not looked for: they would match in ordinary words."""

PUBLIC_HOSTS: Final = frozenset(
    {
        "localhost",
        "127.0.0.1",
        "::1",
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

SECRET_NAME: Final = re.compile(
    r"(?:^|[^a-z])(?:pass(?:word|wd|phrase|code)?|secret|tokens?(?![_-](?:per|count|left|used|limit))|api[_-]?keys?|apikey|access[_-]?keys?|private[_-]?keys?|credentials?|authorization|auth|cookie|session[_-]?id"
    r"|signature|recovery[_-]?code)(?:$|[^a-z])",
    re.IGNORECASE,
)
"""Names of fields, variables and query parameters whose values are always secret."""

_SHAPES: Final = (
    r"hf_[A-Za-z0-9]{16,}"
    r"|(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
    r"|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}"
)
TOKEN: Final = re.compile(r"<([a-z]+):[0-9a-f]{8}>")
"""What is left of a value: its kind and a keyed digest. Tokens stay, so text may be redacted twice."""

_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_WEB = re.compile(
    r"[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>\\]+(?:<[a-z]+:[0-9a-f]{8}>[^\s\"'<>\\]*)*", re.IGNORECASE
)
_SCHEME = r"(?:Bearer|Basic|Digest|Token)\s+"
_BEARER = re.compile(rf"\b(?P<scheme>{_SCHEME})(?P<value>[A-Za-z0-9._~+/=-]{{8,}})", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    rf"(?<![<A-Za-z0-9_-])(?P<name>-{{0,2}}[A-Za-z_][A-Za-z0-9_-]{{0,60}})(?P<sign>[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?)(?P<value>(?:{_SCHEME})?[^\s\"',;&}}\])]{{1,4096}})",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"(?<![<A-Za-z0-9_-])(?P<name>--[A-Za-z][A-Za-z0-9_-]{0,60})(?P<sign>\s{1,3}[\"']?)(?P<value>[^\s\"'\-][^\s\"']{0,4095})"
)
_SHAPED = re.compile(rf"(?<![A-Za-z0-9_])(?:{_SHAPES})")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^@/?#]*)@)?(?P<host>\[[^\]]*\]|[^/:?#]*)(?P<rest>.*)",
    re.DOTALL,
)
_PARAMETER = re.compile(r"(?P<name>[^?&#=]+)=(?P<value>[^&#]*)")
_SIGNED = re.compile(r"sig|token|key|cred|secret|auth|pass|expires|policy", re.IGNORECASE)


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
            ((" ",), _BEARER, self._bearer),
            (("=", ":"), _ASSIGNMENT, self._assignment),
            (("--",), _OPTION, self._assignment),
            (("@",), _EMAIL, lambda match: self.token("email", match[0].casefold())),
            ((".",), _ADDRESS, lambda match: self._host(match[0])),
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
            text = f"{text[:TEXT_LIMIT]} ... {len(text) - TEXT_LIMIT} characters cut"
        if self._secret is not None:  # first, as a whole: a later rule might take out only a part
            text = self._secret.sub(lambda found: self.token("secret", found[0].casefold()), text)
        for signs, pattern, read in self._passes:
            if any(sign in text for sign in signs):
                text = pattern.sub(read, text)
        text = _SHAPED.sub(lambda found: self.token("secret", found[0]), text)
        return text if self._name is None else self._name.sub(self._named, text)

    def data(self, value: Any, name: str = "") -> Any:
        """Plain data without what is private in it, by its look and by the name of its field."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(inner, name) for inner in value]
        if isinstance(value, bytes):
            return f"<{len(value)} bytes>"
        if name and SECRET_NAME.search(name) and value not in ("", None) and not isinstance(value, bool):
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

    def _bearer(self, match: re.Match[str]) -> str:
        return match["scheme"] + self.token("secret", match["value"])

    def _assignment(self, match: re.Match[str]) -> str:
        if SECRET_NAME.search(match["name"]) and not TOKEN.fullmatch(match["value"]):
            return match["name"] + match["sign"] + self.token("secret", match["value"])
        return match[0]

    def _web(self, found: re.Match[str]) -> str:
        match = _URL.fullmatch(found[0])
        if match is None:
            return self.token("url", found[0])
        user = (
            f"{match['user'] if TOKEN.fullmatch(match['user']) else self.token('secret', match['user'])}@"
            if match["user"]
            else ""
        )
        rest = _PARAMETER.sub(self._parameter, match["rest"]) if "?" in match["rest"] else match["rest"]
        return f"{match['scheme']}://{user}{self._host(match['host'])}{rest}"

    def _parameter(self, match: re.Match[str]) -> str:
        if _SIGNED.search(match["name"]) and match["value"] and not TOKEN.fullmatch(match["value"]):
            return f"{match['name']}={self.token('secret', match['value'])}"
        return match[0]

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
