"""The manifest of an image, read strictly; which layers are files of a model; and where blobs lie."""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model_sources.errors import ResolveFailed
from actors.model_sources.sources import oci_registry
from actors.model_sources.sources.model_names import RegistryName
from tests.support.http_servers import DOCKER_MANIFEST, IMAGE_MANIFEST

NAME = RegistryName("ghcr.io", "org/model", "1")
DIGEST = "sha256:" + "0" * 64


def layer(
    kind: str = "application/vnd.ollama.image.model", title: str = "", digest: str = DIGEST, size: int = 3
) -> dict[str, Any]:
    return {
        "mediaType": kind,
        "digest": digest,
        "size": size,
        **({"annotations": {"org.opencontainers.image.title": title}} if title else {}),
    }


def image(*layers: dict[str, Any], **more: Any) -> bytes:
    return msgspec.json.encode(
        {"schemaVersion": 2, "mediaType": IMAGE_MANIFEST, "layers": list(layers), **more}
    )


def paths(*layers: dict[str, Any]) -> list[str]:
    found, _ = oci_registry.read_image(image(*layers), IMAGE_MANIFEST, NAME, "oci")
    return [one.path for one in oci_registry.layers_of(found, "oci")]


def test_a_registry_is_asked_over_https_but_on_this_machine() -> None:
    assert oci_registry.base_url("ghcr.io", "o") == "https://ghcr.io"
    assert oci_registry.base_url("127.0.0.1:5000", "o") == "http://127.0.0.1:5000"
    assert oci_registry.base_url("registry.lan:5000", "o") == "https://registry.lan:5000"
    assert oci_registry.base_url("", "https://registry.ollama.ai") == "https://registry.ollama.ai"
    assert oci_registry.manifest_url("https://ghcr.io", NAME) == "https://ghcr.io/v2/org/model/manifests/1"
    assert (
        oci_registry.blob_url("https://ghcr.io", NAME, DIGEST)
        == f"https://ghcr.io/v2/org/model/blobs/{DIGEST}"
    )


def test_layers_get_the_names_of_their_kinds_or_their_own() -> None:
    ollama = "application/vnd.ollama.image."
    assert paths(
        layer(),
        layer(ollama + "template"),
        layer(ollama + "license"),
        layer(ollama + "license"),
        layer(ollama + "params"),
    ) == [
        "model.gguf",
        "template",
        "license",
        "license-2",
        "params",
    ]
    assert paths(layer(), layer()) == ["model.gguf", "model-2.gguf"]
    assert paths(layer("application/octet-stream", "sub/a.bin")) == ["sub/a.bin"]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "no layers"),
        ([layer("application/vnd.oci.image.layer.v1.tar+gzip")], "files of a model"),
        ([layer(title="../a")], "is not valid"),
        ([layer(title="a"), layer(title="a")], "two layers are named 'a'"),
    ],
)
def test_an_image_that_is_no_model_is_refused(layers: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ResolveFailed, match=words):
        paths(*layers)


@pytest.mark.parametrize("kind", oci_registry.INDEXES)
def test_an_index_of_several_platforms_is_refused_with_the_way_out(kind: str) -> None:
    content = msgspec.json.encode({"schemaVersion": 2, "manifests": [{"digest": DIGEST}]})
    with pytest.raises(ResolveFailed, match="name the image by digest"):
        oci_registry.read_image(content, kind, NAME, "oci")
    with pytest.raises(ResolveFailed, match="name the image by digest"):
        oci_registry.read_image(image(mediaType=kind), "", NAME, "oci")


def test_a_digest_in_the_name_is_a_promise() -> None:
    content = image(layer())
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert oci_registry.read_image(content, "", RegistryName("ghcr.io", "m", digest), "oci")[1] == digest
    with pytest.raises(ResolveFailed, match="has the digest"):
        oci_registry.read_image(content + b" ", "", RegistryName("ghcr.io", "m", digest), "oci")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"<html>",
        b"[" * 100_000,
        image(layer(digest="sha256:0")),
        image(layer(digest="md5:0")),
        image(layer(size=-1)),
        image(schemaVersion=1),
        image(mediaType="application/vnd.oci.empty.v1+json"),
    ],
)
def test_what_is_no_manifest_of_an_image_is_refused(content: bytes) -> None:
    with pytest.raises(ResolveFailed):
        oci_registry.read_image(content, "", NAME, "oci")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ResolveFailed):
        oci_registry.read_image(content, DOCKER_MANIFEST, NAME, "oci")


def test_a_licence_is_named_by_its_first_words() -> None:
    assert oci_registry.licence_line(b"\n   # Apache License\n  Version 2.0") == "Apache License"
    assert oci_registry.licence_line(b"\xff\xfe\n") != ""
    assert oci_registry.licence_line(b"\n\n") == ""
