"""The manifest of an image, and which of its layers are files of a model. Pure. OCI distribution and image specifications 1.1."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from actors.model_sources.errors import ResolvingFailed
from actors.model_sources.model_names import RegistryName
from actors.shared.http.urls import may_carry_secrets
from actors.shared.manifest.manifest_paths import path_problem

ANSWER_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""What registries take at most (distribution specification, "Pushing Manifests")."""
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
"""File name of each kind of layer that has no name of its own."""
NAME_ANNOTATIONS: Final = ("org.opencontainers.image.title", "org.cncf.model.filepath")

Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$")]


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A blob of an image."""

    media_type: str
    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0)]
    annotations: dict[str, str] | None = None


class ImageManifest(msgspec.Struct, frozen=True, rename="camel"):
    """Manifest of an image, or an index of several (then it has `manifests`)."""

    schema_version: int
    media_type: str = ""
    layers: Annotated[list[Descriptor], msgspec.Meta(max_length=2000)] = []
    manifests: list[msgspec.Raw] | None = None
    annotations: dict[str, str] | None = None


@dataclass(frozen=True)
class Layer:
    """A layer under the name that its file gets."""

    path: str
    digest: str
    size_bytes: int

    @property
    def sha256(self) -> str:
        """The digest without its algorithm."""
        return self.digest.removeprefix("sha256:")


def base_url(registry: str, ollama: str) -> str:
    """Where a registry is asked: https, but http for one on this machine; `ollama` stands in for an empty one."""
    if not registry:
        return ollama
    return f"http://{registry}" if may_carry_secrets(f"http://{registry}") else f"https://{registry}"


def manifest_url(base: str, name: RegistryName) -> str:
    """What to ask for the manifest of a name."""
    return f"{base}/v2/{name.path}/manifests/{name.reference}"


def blob_url(base: str, name: RegistryName, digest: str) -> str:
    """Where a blob lies, for ever."""
    return f"{base}/v2/{name.path}/blobs/{digest}"


def read_image(
    content: bytes, content_type: str, name: RegistryName, label: str
) -> tuple[ImageManifest, str]:
    """Read the manifest of an image and its digest; `label` is named in errors.

    Raises:
        ResolvingFailed: it is none, an index of several, of another kind, or not what the digest in the name
            promised.
    """
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if name.reference.startswith("sha256:") and name.reference != digest:
        raise ResolvingFailed(
            label, f"the registry's manifest has the digest {digest}, expected {name.reference}"
        )
    try:
        image = msgspec.json.decode(content, type=ImageManifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResolvingFailed(label, f"the registry's manifest cannot be read: {error}") from error
    kind = image.media_type or content_type.partition(";")[0].strip()
    if image.manifests is not None or kind in INDEXES:
        raise ResolvingFailed(
            label,
            "it is an index of images for several platforms, expected one image; name it by digest, as in oci:registry/name@sha256:...",
        )
    if image.schema_version != 2 or (kind and kind not in MANIFESTS):
        raise ResolvingFailed(
            label,
            f"expected an image manifest of schema 2, found schema {image.schema_version} of type {kind!r}",
        )
    return image, digest


def layers_of(image: ImageManifest, label: str) -> list[Layer]:
    """The files of a model.

    Raises:
        ResolvingFailed: a layer has no name, or one that is not safe; it is a container image then.
    """
    found: dict[str, Layer] = {}
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
            raise ResolvingFailed(
                label,
                f"expected layers that are files of a model, found one of type {layer.media_type!r} without a name",
            )
        if problem := path_problem(path):
            raise ResolvingFailed(label, f"the file name {path!r} of a layer cannot be used: {problem}")
        if titled and path in found:
            raise ResolvingFailed(label, f"two layers are named {path!r}")
        path = _free(path, found)
        found[path] = Layer(path, layer.digest, layer.size)
    if not found:
        raise ResolvingFailed(label, "the image has no layers, expected the files of a model")
    return list(found.values())


def licence_line(content: bytes) -> str:
    """The first line with words of a licence, as its name."""
    for line in content.decode("utf-8", "replace").splitlines():
        if words := line.strip(" \t#*-="):
            return words[:80]
    return ""


def _free(path: str, taken: dict[str, Layer]) -> str:
    """A name that no other layer has: `license`, `license-2`, `license-3`."""
    stem, dot, ending = path.partition(".")
    count = 1
    while path in taken:
        count += 1
        path = f"{stem}-{count}{dot}{ending}"
    return path
