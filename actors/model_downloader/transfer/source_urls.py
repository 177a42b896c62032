"""Decides from which URLs a file may come, and which of them is asked next. Pure."""

from __future__ import annotations

from actors.model_downloader.transfer.http.fetch_failure import FailureKind
from actors.shared.credentials import SourceEndpoints, at_endpoint
from actors.shared.http.urls import url_parts
from schemas.manifest import FilePromise


def source_urls(promise: FilePromise, mirror_url: str, endpoints: SourceEndpoints) -> list[str]:
    """Every source of a file in the order of trying: the mirror of the settings, then those of the manifest.

    URLs of the public hub and registry are changed to the servers that stand in for them.
    """
    urls = list(dict.fromkeys(at_endpoint(url, endpoints) for url in promise.urls))
    parts = url_parts(promise.urls[0])
    if not mirror_url or parts is None or parts.scheme not in ("http", "https"):
        return urls
    mirrored = mirror_url.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
    return [mirrored, *(url for url in urls if url != mirrored)]


def next_url(urls: list[str], current: str, kind: FailureKind, have_bytes: int) -> str:
    """The URL to ask after a failure: the following one, or the first again after the last.

    A network failure does not move on if there are bytes that only the current source can continue.
    """
    if current not in urls:
        return urls[0]
    if kind == "network" and have_bytes:
        return current
    return urls[(urls.index(current) + 1) % len(urls)]
