"""Secrets show by the look that their issuers give them, or by chance; digests and names of models do not."""

from __future__ import annotations

import random
import string

import pytest

from bus.telemetry.secret_shapes import chance_secrets, looks_random, shaped_secrets

LETTERS = string.ascii_letters + string.digits


def drawn(count: int, alphabet: str = LETTERS, seed: int = 1) -> str:
    """Characters drawn by chance, the same each time."""
    return "".join(random.Random(seed).choices(alphabet, k=count))  # noqa: S311  # the same every time


@pytest.mark.parametrize(
    ("prefix", "count"),
    [
        ("hf_", 34),
        ("sk-proj-", 48),
        ("sk_" + "live_", 24),
        ("ghp_", 36),
        ("github_pat_", 60),
        ("glpat-", 20),
        ("xoxb-", 40),
        ("AIza", 35),
        ("ya29.", 60),
        ("GOCSPX-", 28),
        ("npm_", 36),
        ("pypi-", 60),
        ("gsk_", 52),
        ("r8_", 37),
        ("pplx-", 48),
        ("xai-", 60),
        ("hvs.", 60),
        ("lin_" + "api_", 40),
        ("figd_", 40),
        ("glsa_", 40),
        ("tskey-auth-", 40),
        ("sq0atp-", 22),
        ("ATATT3", 60),
        ("whsec_", 32),
    ],
)
@pytest.mark.parametrize("around", ["{}", "x {} y", "'{}',", "={}&", "/{}/"])
def test_a_token_of_a_known_issuer_shows_by_itself(prefix: str, count: int, around: str) -> None:
    token = prefix + drawn(count)
    text = around.format(token)
    assert [text[span.start : span.end] for span in shaped_secrets(text)] == [token]


def test_a_json_web_token_shows_with_all_its_parts() -> None:
    token = f"eyJ{drawn(30)}.eyJ{drawn(60)}.{drawn(43)}"
    assert [span.end - span.start for span in shaped_secrets(f"got {token}.")] == [len(token) + 1]


@pytest.mark.parametrize("seed", range(40))
def test_a_long_random_key_shows_without_name_or_shape(seed: int) -> None:
    key = drawn(40, LETTERS + "-_", seed).strip("-_")
    assert looks_random(key), key
    assert list(chance_secrets(f"key is {key} now"))


@pytest.mark.parametrize(
    "run",
    [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "6f1c2f6e-3c6d-4a57-9a0e-2d1c0d9a1b7e",
        "Qwen2-5-7B-Instruct-Q4_K_M",
        "ggml-large-v3-turbo-q5_0",
        "20260102T030405Z-manual-s1",
        "usr/lib/x86_64-linux-gnu/libssl",
        "SettingsChangedEventHandlerV2",
        "model_downloader-3-of-12",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ],
)
def test_digests_ids_paths_and_names_do_not(run: str) -> None:
    assert not looks_random(run)
