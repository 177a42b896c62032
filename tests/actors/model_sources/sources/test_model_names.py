"""Names are read strictly, and what is none is refused in a sentence that says what was expected."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.model_sources.errors import NameRefused
from actors.model_sources.sources.model_names import (
    FileName,
    HubName,
    ModelName,
    RegistryName,
    UrlName,
    read_name,
    source_of,
)

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hf:org/repo", HubName("org/repo")),
        ("HF:org/repo@v1.0", HubName("org/repo", "v1.0")),
        ("hf:Org/My.Repo-1@refs/pr/3:sub/a.gguf", HubName("Org/My.Repo-1", "refs/pr/3", "sub/a.gguf")),
        ("hf:org/repo:*q4_k_m*.gguf", HubName("org/repo", "main", "*q4_k_m*.gguf")),
        ("hf:org/repo:onnx/", HubName("org/repo", "main", "onnx/")),
        ("oci:ghcr.io/org/model:1.0", RegistryName("ghcr.io", "org/model", "1.0")),
        ("oci:GHCR.io/org/model", RegistryName("ghcr.io", "org/model", "latest")),
        ("oci:localhost:5000/m:t", RegistryName("localhost:5000", "m", "t")),
        ("oci:[::1]:5000/m", RegistryName("[::1]:5000", "m", "latest")),
        (f"oci:ghcr.io/m:1@sha256:{DIGEST}", RegistryName("ghcr.io", "m", f"sha256:{DIGEST}")),
        ("oci:docker.io/ai", RegistryName("registry-1.docker.io", "library/ai")),
        ("oci:docker.io/ai/smollm2:x", RegistryName("registry-1.docker.io", "ai/smollm2", "x")),
        ("ollama:qwen2.5:0.5b", RegistryName("", "library/qwen2.5", "0.5b")),
        ("ollama:Me/Mine", RegistryName("", "me/mine", "latest")),
        (f"ollama:mine@sha256:{DIGEST}", RegistryName("", "library/mine", f"sha256:{DIGEST}")),
        ("https://models.example/a.bin", UrlName("https://models.example/a.bin")),
        (
            f"https://models.example/a.bin?x=1#sha256={DIGEST.upper()}",
            UrlName("https://models.example/a.bin?x=1", DIGEST),
        ),
        ("file:/media/stick/a.gguf", FileName(Path("/media/stick/a.gguf"))),
        ("file:///media/a%20b", FileName(Path("/media/a b"))),
    ],
)
def test_a_name_says_where_to_look(text: str, name: ModelName) -> None:
    assert read_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whisper-tiny",
        "hf:",
        "hf:repo",
        "hf:a/b/c",
        "hf:../b",
        "hf:a/..",
        "hf:a/b@../x",
        "hf:a/b@a//b",
        "hf:a/b:../x",
        "hf:a/b:/x",
        "hf:a/b:x/../y",
        "hf:a/b@",
        "oci:model:1",
        "oci:org/model:1",
        "oci:ghcr.io/Model",
        "oci:ghcr.io/a:b:c",
        "oci:ghcr.io:99999/a",
        "oci:user:pass@ghcr.io/a",
        "ollama:",
        "ollama:a/b/c",
        "ollama:../a",
        "https://",
        "https://user:secret@host/a",
        "https://host/",
        "https://host/a#sha256=12",
        "https://host/a#md5=12",
        "file:a",
        "file:/a/../b",
        "file://server/a",
        "ftp://host/a",
        "hf:a/b\n",
        "hf:a/b:\x1b[2J",
        "hf:" + "a" * 3000,
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(NameRefused) as caught:
        read_name(text)
    assert (
        "expected" in str(caught.value)
        or "is not" in str(caught.value)
        or "credentials" in str(caught.value)
        or "not the URL" in str(caught.value)
    )
    assert "secret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@given(
    st.text(max_size=80),
    st.sampled_from(
        ["hf:", "oci:", "ollama:", "https://", "file:", "hf:a/b@", "hf:a/b:", "oci:ghcr.io/", "file:/", ""]
    ),
)
@example("a/b:..", "hf:")
def test_any_text_is_a_name_or_refused_and_no_name_leaves_its_place(text: str, scheme: str) -> None:
    with contextlib.suppress(NameRefused):
        name = read_name(scheme + text)
        match name:
            case HubName():
                assert ".." not in f"{name.repository}/{name.revision}/{name.pattern}".split("/")
                assert "?" not in name.repository + name.revision
            case RegistryName():
                assert ".." not in name.path.split("/")
                assert not {"/", "@", "?"} & set(name.registry)
            case FileName():
                assert name.path.is_absolute()
            case UrlName():
                assert name.url.startswith(("http://", "https://")) or name.url.lower().startswith(
                    ("http://", "https://")
                )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("hf:Org/repo@a:x", "hf:org/repo@b:x", True),
        ("hf:org/repo:x", "hf:org/repo:y", False),
        ("oci:ghcr.io/m:1", "oci:ghcr.io/m:2", False),
        ("ollama:m:1", "ollama:m:1", True),
        ("file:/a", "file:///a", True),
        ("https://h/a", f"https://h/a#sha256={DIGEST}", True),
        ("https://h/a", "https://h/b", False),
    ],
)
def test_two_names_mean_the_same_model_if_only_the_revision_differs(one: str, other: str, same: bool) -> None:
    assert (source_of(read_name(one)) == source_of(read_name(other))) is same
