"""Against servers that speak as hub and registries, a name becomes a pinned entry, or a named error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.model_sources.errors import NameRefused, ResolveFailed, SourceRefused
from actors.model_sources.sources.resolver import ResolvedModel, Resolver
from actors.model_sources.sources.source_client import SourceClient
from actors.shared.credentials.environment_tokens import EnvironmentTokens
from actors.shared.credentials.source_endpoints import SourceEndpoints
from actors.shared.credentials.token_provider import TokenProvider
from schemas.sources import ModelNameResolveRequestEvent
from tests.support.http_servers import (
    COMMIT,
    DOCKER_MANIFEST,
    IMAGE_MANIFEST,
    Answer,
    Site,
    add_image,
    add_realm,
    add_repository,
    running_site,
    sha256,
)

pytestmark = pytest.mark.anyio

WEIGHTS, CONFIG = b"weights" * 1000, b'{"a": 1}'


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as found:
        yield found


@pytest.fixture
async def resolver(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Resolver]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    async def no_keychain(origin: str) -> str:
        return ""

    client = SourceClient(TokenProvider(EnvironmentTokens(), no_keychain), environment={})
    yield Resolver(client, SourceEndpoints(hub=site.url, ollama=site.url))
    await client.close()


async def ask(resolver: Resolver, name: str, **more: Any) -> ResolvedModel:
    return await resolver.resolve(ModelNameResolveRequestEvent(name=name, **more))


async def test_a_repository_becomes_an_entry_pinned_to_its_commit(site: Site, resolver: Resolver) -> None:
    files = {"model.onnx": WEIGHTS, "config.json": CONFIG, "README.md": b"read me"}
    add_repository(
        site,
        "org/Voice",
        files,
        large=("model.onnx",),
        pipeline_tag="text-to-speech",
        cardData={"license": "mit"},
    )
    found = await ask(resolver, "hf:org/Voice")
    assert found.pinned == f"hf:org/Voice@{COMMIT}"
    assert found.skipped == ["README.md: not part of the model"]
    assert (found.entry.id, found.entry.category, found.entry.licence, found.entry.revision) == (
        "voice",
        "tts",
        "mit",
        COMMIT,
    )
    assert not found.entry.accept_licence
    assert [(file.path, file.size_bytes, file.sha256, file.urls) for file in found.entry.files] == [
        ("model.onnx", len(WEIGHTS), sha256(WEIGHTS), [f"{site.url}/org/Voice/resolve/{COMMIT}/model.onnx"]),
        ("config.json", len(CONFIG), sha256(CONFIG), [f"{site.url}/org/Voice/resolve/{COMMIT}/config.json"]),
    ]
    assert site.asked("model.onnx") == [], "what is large is not fetched to resolve a name"


async def test_one_file_of_a_revision_gets_an_id_of_its_own(site: Site, resolver: Resolver) -> None:
    add_repository(
        site,
        "org/Chat-GGUF",
        {"sub/Chat-Q4.gguf": WEIGHTS, "sub/Chat-Q8.gguf": WEIGHTS},
        large=("sub/Chat-Q4.gguf",),
        revision="v1",
        gated="auto",
    )
    found = await ask(resolver, "hf:org/Chat-GGUF@v1:sub/Chat-Q4.gguf")
    assert (found.entry.id, found.entry.category, found.entry.accept_licence) == ("chat-q4", "llm", True)
    assert [file.path for file in found.entry.files] == ["Chat-Q4.gguf"]
    assert found.pinned == f"hf:org/Chat-GGUF@{COMMIT}:sub/Chat-Q4.gguf"
    assert (await ask(resolver, found.pinned)).entry.files == found.entry.files, (
        "what is pinned means the same tomorrow"
    )


async def test_a_small_file_that_is_not_the_one_that_is_listed_is_refused(
    site: Site, resolver: Resolver
) -> None:
    add_repository(site, "org/m", {"a.json": CONFIG})
    site.put(f"/org/m/resolve/{COMMIT}/a.json", CONFIG.upper())
    with pytest.raises(ResolveFailed, match=r"the hub lists 8 bytes, but sent 8 others"):
        await ask(resolver, "hf:org/m")


async def test_the_first_of_several_failures_is_told_as_it_is(site: Site, resolver: Resolver) -> None:
    add_repository(site, "org/m", {f"{at}.json": CONFIG for at in range(20)})
    site.put(f"/org/m/resolve/{COMMIT}/3.json", b"", 404)
    with pytest.raises(SourceRefused, match=r"3\.json.*404"):
        await ask(resolver, "hf:org/m")


async def test_a_repository_that_is_not_there_is_named(site: Site, resolver: Resolver) -> None:
    with pytest.raises(SourceRefused, match="org/gone"):
        await ask(resolver, "hf:org/gone")


OLLAMA = "application/vnd.ollama.image."
LAYERS = [
    (OLLAMA + "model", WEIGHTS, {}),
    (OLLAMA + "template", b"{{ . }}", {}),
    (OLLAMA + "license", b"MIT License\n...", {}),
]


async def test_an_ollama_name_becomes_an_entry_of_blobs_by_digest(site: Site, resolver: Resolver) -> None:
    digest = add_image(site, "library/tiny", "0.5b", LAYERS, media_type=DOCKER_MANIFEST)
    found = await ask(resolver, "ollama:tiny:0.5b")
    assert found.pinned == f"ollama:tiny@{digest}"
    assert (found.entry.id, found.entry.name, found.entry.category, found.entry.licence) == (
        "tiny-0.5b",
        "tiny 0.5b",
        "llm",
        "MIT License",
    )
    assert [file.path for file in found.entry.files] == ["model.gguf", "template", "license"]
    assert found.entry.files[0].urls == [f"{site.url}/v2/library/tiny/blobs/sha256:{sha256(WEIGHTS)}"]
    assert (await ask(resolver, found.pinned)).entry.files == found.entry.files


async def test_a_registry_that_wants_a_token_lends_one(site: Site, resolver: Resolver) -> None:
    add_image(
        site,
        "org/model",
        "1",
        [("application/octet-stream", WEIGHTS, {"org.opencontainers.image.title": "w.bin"})],
        realm=add_realm(site),
    )
    found = await ask(resolver, f"oci:127.0.0.1:{site.port}/org/model:1", model_id="mine", category="stt")
    assert (found.entry.id, found.entry.category, found.entry.files[0].path) == ("mine", "stt", "w.bin")


async def test_an_index_of_several_platforms_is_refused(site: Site, resolver: Resolver) -> None:
    index = b'{"schemaVersion": 2, "manifests": []}'
    site.routes["/v2/library/m/manifests/latest"] = lambda seen: Answer(
        index, 200, {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    )
    with pytest.raises(ResolveFailed, match="several platforms"):
        await ask(resolver, "ollama:m")
    assert IMAGE_MANIFEST in site.requests[0].headers["accept"]


async def test_a_url_is_taken_with_a_digest_and_asked_for_its_size(site: Site, resolver: Resolver) -> None:
    url = site.put("/my%20model.bin", WEIGHTS)
    found = await ask(resolver, f"{url}#sha256={sha256(WEIGHTS)}")
    assert (found.entry.id, found.entry.files[0].path, found.entry.files[0].size_bytes) == (
        "my-model",
        "my model.bin",
        len(WEIGHTS),
    )
    assert (await ask(resolver, url, sha256=sha256(WEIGHTS).upper(), size_bytes=5)).entry.files[
        0
    ].size_bytes == 5


async def test_a_url_without_a_digest_is_refused_since_a_servers_word_is_no_proof(
    site: Site, resolver: Resolver
) -> None:
    with pytest.raises(ResolveFailed, match="--sha256"):
        await ask(resolver, site.put("/a.bin", WEIGHTS))
    with pytest.raises(ResolveFailed, match="SHA-256"):
        await ask(resolver, f"{site.url}/a.bin#sha256={sha256(WEIGHTS)}", sha256="0" * 64)
    assert site.requests == []


async def test_a_file_of_this_machine_is_hashed_while_resolving(tmp_path: Path, resolver: Resolver) -> None:
    file = tmp_path / "Tiny.gguf"
    file.write_bytes(WEIGHTS)
    found = await ask(resolver, f"file:{file}")
    assert (found.entry.id, found.entry.files[0].sha256, found.entry.files[0].urls) == (
        "tiny",
        sha256(WEIGHTS),
        [file.as_uri()],
    )
    with pytest.raises(ResolveFailed, match="damaged"):
        await ask(resolver, f"file:{file}", sha256="0" * 64)


async def test_an_id_that_a_person_chose_badly_is_refused(tmp_path: Path, resolver: Resolver) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(NameRefused, match="an id has lower-case letters"):
        await ask(resolver, f"file:{tmp_path}/a.bin", model_id="../A")
