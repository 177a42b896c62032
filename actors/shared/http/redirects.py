"""The one rule for redirects, which guards tokens and the promise of https. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin

from actors.shared.http.urls import (
    UrlRefused,
    encoded_location,
    is_this_machine,
    may_carry_secrets,
    origin_of,
    read_url,
    shown_url,
    url_parts,
)
from bus.errors import UndercroftError

REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
REDIRECT_LIMIT: Final = 10


class RedirectRefused(UndercroftError):
    """A server redirects to a URL that must not be asked.

    Attributes:
        first: the URL that was asked before any redirect, as it may be shown.
        target: where the last redirect leads, as it may be shown.
        problem: which rule that breaks.
    """

    first: str
    target: str
    problem: str
    words = "{first}: it redirects to {target}, which is not followed: {problem}"


def next_hop(first: str, here: str, location: str) -> str:
    """The URL that a redirect leads to, if it may be asked.

    Once a request was under https, it stays there: from https to http nothing is followed, anywhere along
    the chain. Every hop must be a URL of the web without credentials. No other machine leads to this one,
    whose services trust who asks from here.

    Args:
        first: the URL that was asked before any redirect.
        here: the URL that answered with the redirect.
        location: value of the Location header in Latin-1; it may be relative (RFC 9110 section 10.2.2).

    Raises:
        RedirectRefused: it may not.
    """
    target = location
    try:
        target = urljoin(here, encoded_location(location))
        scheme = read_url(target).scheme
    except ValueError as error:
        raise RedirectRefused(shown_url(first), "(no URL)", "it is no URL") from error
    except UrlRefused as refused:
        raise RedirectRefused(shown_url(first), shown_url(target), refused.problem) from refused
    if scheme != "https" and "https" in (_scheme(first), _scheme(here)):
        raise RedirectRefused(shown_url(first), shown_url(target), "it leads from https to http")
    if is_this_machine(target) and not is_this_machine(here):
        problem = "it leads from another machine to this one"
        raise RedirectRefused(shown_url(first), shown_url(target), problem)
    return target


def may_get_credentials(here: str, *, first: str = "") -> bool:
    """Whether a request may carry credentials at all: over https or within this machine.

    Behind a redirect to another host, port or scheme it may not (RFC 9110 section 15.4).

    Args:
        here: the URL that is asked now.
        first: the URL that was asked before any redirect; empty if there was none.
    """
    origin = origin_of(here)
    return bool(origin) and may_carry_secrets(here) and (not first or origin_of(first) == origin)


class RedirectChain:
    """The URLs of one request, from the one that was asked first to the one to ask now.

    Attributes:
        first: asked before any redirect.
        here: to be asked now.
    """

    def __init__(self, first: str, here: str = "") -> None:
        """Begin at `first`, or at `here`, where an earlier chain from `first` led to."""
        self.first = first
        self.here = here or first
        self._seen = [self.here]

    @property
    def is_redirected(self) -> bool:
        """Whether the URL to ask now is not the first one."""
        return self.here != self.first

    def follow(self, location: str) -> str:
        """Go one hop further; returns the URL to ask now.

        Raises:
            RedirectRefused: it breaks the rule of `next_hop`, leads in a circle, or is one hop too many.
        """
        target = next_hop(self.first, self.here, location)
        if target in self._seen:
            raise RedirectRefused(shown_url(self.first), shown_url(target), "the redirects lead in a circle")
        if len(self._seen) > REDIRECT_LIMIT:
            problem = f"there are more than {REDIRECT_LIMIT} redirects"
            raise RedirectRefused(shown_url(self.first), shown_url(target), problem)
        self._seen.append(target)
        self.here = target
        return target


def _scheme(url: str) -> str:
    parts = url_parts(url)
    return parts.scheme if parts else ""
