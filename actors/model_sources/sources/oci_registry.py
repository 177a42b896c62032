"""The manifest of an image, and which of its layers are files of a model. Pure.

See the OCI distribution and image specifications, version 1.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from actors.model_sources.errors import ResolveFailed
from actors.model_sources.sources.model_names import RegistryName
from actors.shared.http.answers.field_values import read_media_type
from actors.shared.http.answers.json_answers import JsonUnreadable, read_json
from actors.shared.http.answers.stranger_text import quoted
from actors.shared.http.urls import may_carry_secrets
from actors.shared.manifest.manifest_paths import path_problem
from schemas.bounds import Count, Word, whole

ANSWER_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""Registries accept no longer manifests (distribution specification, "Pushing Manifests")."""
LICENCE_LIMIT_BYTES: Final = 64 * 1024

MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
ACCEPT: Final = ", ".join((*MANIFESTS, *INDEXES))

FILE_OF: Final = {
    "application/vnd.ollama.image.model": "model.gguf",
    "application/vnd.ollama.image.projector": "projector.gguf",
    "application/vnd.ollama.image.adapter": "adapter.gguf",
    "application/vnd.ollama.image.template": "template",
    "application/vnd.ollama.image.system": "system",
    "application/vnd.ollama.image.params": "params",
    "application/vnd.ollama.image.messages": "messages",
    "application/vnd.ollama.image.license": "license",
    "application/vnd.docker.ai.gguf.v3": "model.gguf",
    "application/vnd.docker.ai.license": "license",
}
"""File name for each type of layer that has no name of its own."""
NAME_ANNOTATIONS: Final = ("org.opencontainers.image.title", "org.cncf.model.filepath")

Digest = Annotated[str, msgspec.Meta(pattern=whole(r"sha256:[0-9a-f]{64}"))]

Annotations = Annotated[
    dict[Word, Annotated[str, msgspec.Meta(max_length=65_536)]], msgspec.Meta(max_length=1000)
]


class BlobDescriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A blob of an image."""

    media_type: Word
    digest: Digest
    size: Count
    annotations: Annotations | None = None


class ImageManifest(msgspec.Struct, frozen=True, rename="camel"):
    """The manifest of an image, or an index of several images, which has `manifests`."""

    schema_version: Count
    media_type: Word = ""
    layers: Annotated[list[BlobDescriptor], msgspec.Meta(max_length=2000)] = []
    manifests: msgspec.Raw = msgspec.Raw()
    annotations: Annotations | None = None


@dataclass(frozen=True)
class ImageLayer:
    """A layer, with the path of its file in the model."""

    path: str
    digest: str
    size_bytes: int

    @property
    def sha256(self) -> str:
        """The digest without the name of its algorithm."""
        return self.digest.removeprefix("sha256:")


def base_url(registry: str, ollama: str) -> str:
    """Return the base URL of a registry: https, or http for one on this machine.

    Args:
        registry: host and port; empty for the registry of `ollama:` names.
        ollama: base URL of that registry.
    """
    if not registry:
        return ollama
    return f"http://{registry}" if may_carry_secrets(f"http://{registry}") else f"https://{registry}"


def manifest_url(base: str, name: RegistryName) -> str:
    """Return the URL of the manifest of a name."""
    return f"{base}/v2/{name.path}/manifests/{name.reference}"


def blob_url(base: str, name: RegistryName, digest: str) -> str:
    """Return the URL of a blob."""
    return f"{base}/v2/{name.path}/blobs/{digest}"


def read_image(
    content: bytes, content_type: str, name: RegistryName, label: str
) -> tuple[ImageManifest, str]:
    """Read the manifest of an image.

    Args:
        content: of the registry's answer.
        content_type: of the answer.
        name: may promise a digest.
        label: names the image in errors.

    Returns:
        The manifest and its digest.

    Raises:
        ResolveFailed: it is not the manifest of one image, or its digest is not the promised one.
    """
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if name.reference.startswith("sha256:") and name.reference != digest:
        raise ResolveFailed(
            label, f"the registry's manifest has the digest {digest}, expected {name.reference}"
        )
    try:
        image = read_json(content, ImageManifest, ANSWER_LIMIT_BYTES)
    except JsonUnreadable as error:
        raise ResolveFailed(label, f"the registry's manifest cannot be read: {error}") from error
    kind = image.media_type or read_media_type(content_type)
    if bytes(image.manifests) not in (b"", b"null") or kind in INDEXES:
        raise ResolveFailed(
            label,
            "it is an index of images for several platforms, expected one image; "
            "name the image by digest, as in oci:registry/name@sha256:...",
        )
    if image.schema_version != 2 or (kind and kind not in MANIFESTS):
        raise ResolveFailed(
            label,
            "expected an image manifest of schema 2, "
            f"found schema {image.schema_version} of type {quoted(kind)!r}",
        )
    return image, digest


def layers_of(image: ImageManifest, label: str) -> list[ImageLayer]:
    """Return the layers as files of a model.

    Raises:
        ResolveFailed: a layer has no valid name, as in images of containers.
    """
    found: dict[str, ImageLayer] = {}
    for layer in image.layers:
        titled = next(
            (
                layer.annotations[key]
                for key in NAME_ANNOTATIONS
                if layer.annotations and layer.annotations.get(key)
            ),
            "",
        )
        path = titled or FILE_OF.get(layer.media_type, "")
        if not path:
            raise ResolveFailed(
                label,
                f"expected layers that are files of a model, "
                f"found one of type {quoted(layer.media_type)!r} without a name",
            )
        if problem := path_problem(path):
            raise ResolveFailed(label, f"the file name {quoted(path)!r} of a layer is not valid: {problem}")
        if titled and path in found:
            raise ResolveFailed(label, f"two layers are named {quoted(path)!r}")
        path = _free(path, found)
        found[path] = ImageLayer(path, layer.digest, layer.size)
    if not found:
        raise ResolveFailed(label, "the image has no layers, expected the files of a model")
    return list(found.values())


def licence_line(content: bytes) -> str:
    """Return the first line of a licence that has words, as its name."""
    for line in content.decode("utf-8", "replace").splitlines():
        if words := line.strip(" \t#*-="):
            return words[:80]
    return ""


def _free(path: str, taken: dict[str, ImageLayer]) -> str:
    """Return a path that no other layer has: `license`, `license-2`, `license-3`."""
    stem, dot, ending = path.partition(".")
    count = 1
    while path in taken:
        count += 1
        path = f"{stem}-{count}{dot}{ending}"
    return path
