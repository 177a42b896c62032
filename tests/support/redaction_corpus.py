"""Canaries in the notations in which programs print secrets, and lines of real logs that hold none."""

from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

HARMLESS_FILE: Final = Path(__file__).with_name("harmless_lines.txt")

ALPHABET: Final = string.ascii_letters + string.digits

Notation = Callable[[str, str], str]
"""Writes a value under a name."""

NAMES: Final = (
    "password",
    "DB_PASSWORD",
    "apiKey",
    "api_key",
    "X-Api-Key",
    "clientSecret",
    "CLIENT_SECRET",
    "accessToken",
    "refresh_token",
    "AWS_SECRET_ACCESS_KEY",
    "privateKey",
    "passphrase",
    "sessionId",
    "auth-token",
    "smtp.password",
    "credentials",
    "HF_TOKEN",
    "signing_key",
)


def passwords(seed: int) -> Iterator[str]:
    """Values that only their name gives away: no shape, and not random enough to show by themselves."""
    chance = random.Random(seed)  # noqa: S311  # the same corpus every time
    words = ["hunter", "swordfish", "Tr0ub4dor", "sunrise", "Zephyr", "monkey", "letmein", "kestrel"]
    while True:
        yield (
            chance.choice(words) + "".join(chance.choices(string.digits, k=3)) + chance.choice(["", "!", "x"])
        )


def random_keys(seed: int) -> Iterator[str]:
    """Values of 32 to 44 characters, as generators make them."""
    chance = random.Random(seed)  # noqa: S311  # the same corpus every time
    while True:
        yield "".join(chance.choices(ALPHABET, k=chance.randint(32, 44)))


def _json(name: str, value: str) -> str:
    return json.dumps({"user": "x", name: value, "n": 1})


NAMED: Final[dict[str, Notation]] = {
    "assignment": lambda name, value: f"{name}={value}",
    "assignment behind a word": lambda name, value: f"error: {name}={value}",
    "assignment in a sentence": lambda name, value: f"could not connect with {name}={value}, retrying in 5 s",
    "assignment with blanks": lambda name, value: f"    {name} = {value}",
    "colon": lambda name, value: f"{name}: {value}",
    "colon behind a prefix": lambda name, value: f"2026-11-29 env: {name}: {value}",
    "double quotes": lambda name, value: f'{name}="{value}"',
    "single quotes": lambda name, value: f"config {name} = '{value}' loaded",
    "quoted with blanks": lambda name, value: f'{name} = "correct {value} staple"',
    "backquotes": lambda name, value: f"set {name}: `{value}`",
    "json": _json,
    "json without blanks": lambda name, value: json.dumps({name: value}, separators=(",", ":")),
    "json, nested": lambda name, value: json.dumps({"a": {"b": [{name: value}]}}),
    "json, indented": lambda name, value: json.dumps({name: value}, indent=2),
    "json, escaped": lambda name, value: json.dumps({"body": _json(name, value)}),
    "json, escaped twice": lambda name, value: json.dumps({"log": json.dumps({"body": _json(name, value)})}),
    "repr of a dict": lambda name, value: f"got { ({name: value, 'ok': True})!r}",
    "repr of bytes": lambda name, value: f"headers={ ({name: value.encode()})!r}",
    "pairs": lambda name, value: f"headers = [('Host', 'x'), ('{name}', '{value}')]",
    "list of headers": lambda name, value: json.dumps([{"name": name, "value": value}]),
    "header": lambda name, value: f"> {name}: {value}",
    "command line, equals": lambda name, value: f"exec: tool run --{name}={value} --fast",
    "command line, blank": lambda name, value: f"exec: tool run --{name} {value} --fast",
    "command line, quoted": lambda name, value: f"exec: tool run --{name} '{value}' --fast",
    "export": lambda name, value: f'export {name}="{value}"',
    "declare": lambda name, value: f'declare -x {name}="{value}"',
    "dump of an environment": lambda name, value: f"PATH=/usr/bin\0{name}={value}\0LANG=C",
    "query": lambda name, value: f"GET /v1/x?page=2&{name}={value}&n=1 HTTP/1.1",
    "fragment": lambda name, value: f"https://app.example.org/callback#state=1&{name}={value}",
    "form, encoded": lambda name, value: f"body: a%3D1%26{name}%3D{value}",
    "json, percent-encoded": lambda name, value: urllib.parse.quote(json.dumps({name: value})),
    "element": lambda name, value: f"<config><{name}>{value}</{name}></config>",
    "attribute": lambda name, value: f'<login user="x" {name}="{value}"/>',
    "entities": lambda name, value: f"{{&quot;{name}&quot;: &quot;{value}&quot;}}",
    "yaml": lambda name, value: f"database:\n  host: x\n  {name}: {value}\n  port: 1",
    "yaml block": lambda name, value: f"{name}: |\n  {value}\n  {value}x\nnext: 1",
    "arrow": lambda name, value: f"array('user' => 'x', '{name}' => '{value}')",
    "go": lambda name, value: f"&{{User:x {name}:{value} Port:1}}",
    "dataclass": lambda name, value: f"Config(host='x', {name}='{value}', port=1)",
    "connection string": lambda name, value: f"Server=x;{name}={value};Database=y",
    "table": lambda name, value: f"| {name} | {value} |",
    "traceback": lambda name, value: (
        f'  File "/x/y.py", line 3, in f\n    login({name}="{value}")\nValueError: no'
    ),
    "logfmt": lambda name, value: f'level=error msg="no answer" {name}={value} took=3ms',
    "python assignment": lambda name, value: (
        f"    {name}: str = '{value}'" if name.isidentifier() else f"{name}={value}"
    ),
    "toml": lambda name, value: f'[server]\n{name} = "{value}"\nport = 1',
}
"""Notations in which the name gives a value away."""


def _basic(value: str) -> str:
    return base64.b64encode(f"user:{value}".encode()).decode()


UNNAMED: Final[dict[str, Callable[[str], str]]] = {
    "bearer": lambda value: f"Authorization: Bearer {value}",
    "bearer in a repr": lambda value: f"{{'Authorization': 'Bearer {value}'}}",
    "bearer in a sentence": lambda value: f"sent Bearer {value} to the hub",
    "token scheme": lambda value: f"-H 'Authorization: token {value}'",
    "api key scheme": lambda value: f"authorization: ApiKey {value}",
    "digest": lambda value: f'Authorization: Digest username="u", realm="r", response="{value}"',
    "aws": lambda value: f"Authorization: AWS4-HMAC-SHA256 Credential=x/2026, Signature={value}",
    "proxy": lambda value: f"Proxy-Authorization: Basic {value}",
    "cookie": lambda value: f"Cookie: theme=dark; sid={value}; lang=de",
    "set-cookie": lambda value: f"Set-Cookie: id={value}; Path=/; HttpOnly",
    "user of a url": lambda value: f"git clone https://oauth2:{value}@git.example.org/x.git",
    "database url": lambda value: f"postgresql://app:{value}@db.example.org:5432/x",
    "signed url": lambda value: f"https://cdn.example.org/m.gguf?X-Amz-Date=1&X-Amz-Signature={value}",
    "curl": lambda value: f"curl -u admin:{value} https://x.example.org",
    "mysql": lambda value: f"mysql -h db -uroot -p{value} app",
    "sshpass": lambda value: f"sshpass -p {value} ssh host",
    "docker": lambda value: f"docker login -u x -p {value} registry.example.org",
    "netrc": lambda value: f"machine x.example.org login me password {value}",
    "npmrc": lambda value: f"//registry.example.org/:_authToken={value}",
    "sql": lambda value: f"CREATE USER app IDENTIFIED BY '{value}'",
    "prose": lambda value: f"the password is {value} for now",
}
"""Notations of their own."""


def pem(seed: int) -> str:
    """A private key, as OpenSSH and OpenSSL write them; the body is random."""
    chance = random.Random(seed)  # noqa: S311  # the same corpus every time
    kind = chance.choice(["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"])
    body = base64.b64encode(chance.randbytes(400)).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


def canaries() -> Iterator[tuple[str, str, str]]:
    """Notation, text, and the secret that may not show in it."""
    for number, (notation, write) in enumerate(NAMED.items()):
        for values in (passwords(number), random_keys(number)):
            for name, value in zip(NAMES, values, strict=False):
                yield notation, write(name, value), value
    for number, (notation, wrap) in enumerate(UNNAMED.items()):
        for values in (passwords(number), random_keys(number)):
            for _, value in zip(range(8), values, strict=False):
                yield notation, wrap(value), value


def harmless_lines() -> list[str]:
    """Lines of real logs without anything private."""
    return HARMLESS_FILE.read_text(encoding="utf-8").splitlines()
