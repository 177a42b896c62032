"""Sources of a file: in which order they are tried, and which comes after a failure."""

from __future__ import annotations

from actors.model_downloader.transfer.source_urls import next_url, source_urls
from actors.shared.credentials import SourceEndpoints
from schemas.manifest import FilePromise


def promise_of(*urls: str) -> FilePromise:
    return FilePromise(path="f", size_bytes=1, sha256="0" * 64, urls=list(urls))


def test_mirror_keeps_the_path_and_is_named_once() -> None:
    file = promise_of("https://hub.example/a/b?x=1", "https://mirror.example/a/b?x=1")
    assert source_urls(file, "https://mirror.example/", SourceEndpoints()) == [
        "https://mirror.example/a/b?x=1",
        "https://hub.example/a/b?x=1",
    ]
    assert source_urls(file, "", SourceEndpoints()) == file.urls


def test_server_that_stands_in_for_the_hub_takes_its_place() -> None:
    file = promise_of("https://huggingface.co/m", "https://elsewhere.example/m")
    assert source_urls(file, "", SourceEndpoints(hub="https://hub.example")) == [
        "https://hub.example/m",
        "https://elsewhere.example/m",
    ]


def test_another_source_is_asked_next_unless_bytes_would_be_given_up_for_a_network_failure() -> None:
    urls = ["a", "b"]
    assert next_url(urls, "a", "network", 10) == "a"
    assert next_url(urls, "a", "network", 0) == "b"
    assert next_url(urls, "a", "refused", 10) == "b"
    assert next_url(urls, "b", "server", 10) == "a"
    assert next_url(urls, "gone from the manifest", "network", 10) == "a"
