"""Judges URLs of the web: which may be asked, what their origin is, and how to show them. Pure."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def url_problem(url: str) -> str | None:
    """Why a file cannot be fetched from this URL; None if it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https"):
        return f"its scheme is {parts.scheme!r}, expected 'https' or 'http'"
    if not parts.hostname or port == 0:
        return "it names no host"
    if parts.username or parts.password:
        return "it holds credentials"
    return None


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL (RFC 6454 section 4), such as `https://huggingface.co`.

    Empty for a URL without an origin, and for one that holds credentials. Leaves out the scheme's own port.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").rstrip(".")
    if (
        parts.scheme not in _DEFAULT_PORTS
        or not host
        or not host.isascii()
        or parts.username is not None
        or port == 0
    ):
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


def may_carry_secrets(url: str) -> bool:
    """Whether nobody on the way can listen: the URL is https, or of this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown_url(url: str) -> str:
    """A URL without user, password and query, which can hold secrets, as in signed URLs."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
