"""What is private leaves a token; what helps to find a fault stays readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.telemetry.redaction import TEXT_LIMIT, TOKEN, Redactor, resalt
from tests.support.redaction_corpus import canaries, harmless_lines, pem


@pytest.fixture
def redactor() -> Redactor:
    return make()


def make(salt: bytes = b"salt") -> Redactor:
    return Redactor(
        salt,
        homes=["/Users/anna", "C:\\Users\\anna"],
        users=["anna"],
        hosts=["annas-laptop"],
        secrets=["correct horse battery"],
    )


SECRETS = [
    "hf_abcdefghijklmnopqrstuvwx",
    "sk-ant-api03-abcdefghijklmnop",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghijkl",
    "xoxb-123456789012-abcdef",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA1234567890abcdefghijklmnopqrstu",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123",
    "correct horse battery",
    "Correct Horse Battery",
    "anna@example.org",
    "annas-laptop",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "got {} there", "'{}'", "key={}", '{{"x": "{}"}}', "({}),"])
def test_secrets_of_known_shape_do_not_show(redactor: Redactor, secret: str, around: str) -> None:
    found = redactor.text(around.format(secret))
    assert secret.casefold() not in found.casefold()
    assert re.search(r"<[a-z]+:[0-9a-f]{8}>", found)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
        ("authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("password=hunter2", "hunter2"),
        ("no --password=hunter2", "hunter2"),
        ("run --api-key hunter2 --fast", "hunter2"),
        ('{"api_key": "k1"}', "k1"),
        ("HF_TOKEN='t0p'", "t0p"),
        ("client_secret: abc,", "abc"),
        ("Cookie: sid=12345", "12345"),
        ("https://anna:pw@cdn.example.org/x", "pw@"),
        ("https://cdn.example.org/x?X-Amz-Signature=abc123&part=4", "abc123"),
        ("https://huggingface.co/x?token=zzz999", "zzz999"),
        ("https://cdn.example.org/hf_abcdefghijklmnopqrst/x", "hf_abcdefghijklmnopqrst"),
        ("connect to 192.168.1.44 failed", "192.168.1.44"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----", "abc"),
        ("-----BEGIN PRIVATE KEY-----\nabc", "abc"),
    ],
)
def test_values_that_their_place_gives_away_do_not_show(redactor: Redactor, text: str, hidden: str) -> None:
    assert hidden not in redactor.text(text)


@pytest.mark.parametrize(
    "text",
    [
        "whisper-base/ggml-base.bin: sha256 is 9f2c, expected 60ed; the partial is kept",
        "https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861/ggml-tiny.bin?download=true",
        "http://127.0.0.1:8000/x",
        "rate=12.5, attempt: 3, state: ready",
        "version 3.11.2 of 2026-11-21T02:16:04",
        "tokens_per_second=12",
        "authorship=shared",
    ],
)
def test_what_helps_to_find_a_fault_stays_readable(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


def test_paths_below_a_home_keep_their_end_and_lose_their_owner(redactor: Redactor) -> None:
    assert redactor.text("open /Users/anna/.cache/x: denied") == "open ~/.cache/x: denied"
    assert redactor.text("at C:\\Users\\anna\\AppData") == "at ~\\AppData"
    assert re.fullmatch(r"/Users/<user:[0-9a-f]{8}>/x", redactor.text("/Users/annabelle/x")), (
        "homes of others lose their owner, too, and are not taken for this one's with an end"
    )


def test_equal_things_stay_equal_within_one_report_and_cannot_be_compared_between_two(
    redactor: Redactor,
) -> None:
    first, second = redactor.text("by anna"), redactor.text("BY ANNA")
    assert first.split()[1] == second.split()[1]
    assert make(b"other").text("by anna") != first


def test_fields_are_judged_by_their_names(redactor: Redactor) -> None:
    found = redactor.data(
        {
            "api_key": "k",
            "nested": [{"password": 1234, "transcript": "I said this"}],
            "enabled": True,
            "token": "",
            "raw": b"abc",
            "n": 3,
            "by": "anna",
        }
    )
    assert found["nested"][0]["transcript"] == "<11 characters>"
    assert found["api_key"] != "k"
    assert str(found["nested"][0]["password"]).startswith("<secret:")
    assert (found["enabled"], found["token"], found["raw"], found["n"]) == (True, "", "<3 bytes>", 3)
    assert found["by"].startswith("<user:")


def test_it_is_counted_what_was_taken_out(redactor: Redactor) -> None:
    redactor.text("anna anna@example.org hf_abcdefghijklmnopqrst /Users/anna")
    redactor.data({"prompt": "x"})
    assert redactor.counts == {"user": 1, "email": 1, "secret": 1, "home": 1, "words": 1}


def test_what_is_learned_later_is_looked_for_from_then_on(redactor: Redactor) -> None:
    assert redactor.text("swordfish42") == "swordfish42"
    redactor.add_secrets(["swordfish42", "short"])
    assert "swordfish42" not in redactor.text("swordfish42")
    assert redactor.text("short") == "short"


def test_very_long_text_is_cut() -> None:
    assert len(make().text("x" * (TEXT_LIMIT * 2))) < TEXT_LIMIT + 100


@given(st.text(max_size=300))
@example("token: <secret:0123abcd>")
@example("secret=secret=secret")
def test_what_was_redacted_once_is_not_changed_by_doing_it_again(text: str) -> None:
    once = make().text(text)
    assert make().text(once) == once


@given(before=st.text(max_size=60), after=st.text(max_size=60), secret=st.sampled_from(SECRETS[8:10]))
def test_a_known_secret_never_shows_whatever_stands_around_it(before: str, after: str, secret: str) -> None:
    assert secret.casefold() not in make().text(f"{before}{secret}{after}").casefold()


@pytest.mark.requirement("S0-16")
def test_resalted_tokens_keep_what_is_equal_and_say_nothing_to_other_reports() -> None:
    text = make().text("annas-laptop asked anna@example.org and annas-laptop again")
    one, other = resalt(text, b"one"), resalt(text, b"other")
    tokens = [found[0] for found in TOKEN.finditer(one)]
    assert tokens[0] == tokens[2] != tokens[1]
    assert [found[1] for found in TOKEN.finditer(one)] == ["host", "email", "host"]
    assert not {found[0] for found in TOKEN.finditer(one)} & {found[0] for found in TOKEN.finditer(other)}
    assert not set(tokens) & {found[0] for found in TOKEN.finditer(text)}


@given(st.text())
def test_resalting_changes_nothing_but_tokens(text: str) -> None:
    assert TOKEN.sub("", resalt(text, b"salt")) == TOKEN.sub("", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/mnt/plan/models/small/model.bin", "<models>/small/model.bin"),
        ("cannot open '/mnt/plan/models': no", "cannot open '<models>': no"),
        ("it is at /mnt/plan/models.", "it is at <models>."),
        ("/mnt/plan/state", "<app>/state"),
        ("/mnt/plan/models-old/x", "<app>/models-old/x"),
        ("/mnt/planet/x", "/mnt/planet/x"),
        ("/Users/anna/app/config", "<config>"),
    ],
)
def test_directories_of_the_app_are_called_by_what_they_are_for(text: str, expected: str) -> None:
    places = {"/mnt/plan": "app", "/mnt/plan/models": "models", "/Users/anna/app/config": "config"}
    redactor = Redactor(b"salt", homes=["/Users/anna"], places=places)
    assert redactor.text(text) == expected
    assert redactor.text(expected) == expected


def test_no_canary_of_the_corpus_shows_in_any_notation() -> None:
    found = make()
    texts = list(canaries())
    leaked = [(notation, text) for notation, text, secret in texts if secret in found.text(text)]
    assert len(texts) >= 600
    assert len({notation for notation, _, _ in texts}) >= 40
    assert leaked == []


@pytest.mark.parametrize("seed", range(8))
def test_no_line_of_a_private_key_shows(seed: int) -> None:
    key = pem(seed)
    body = [line for line in key.splitlines() if "-----" not in line]
    for text in (key, key.replace("\n", "\\n"), f"failed to load:\n{key}\nat line 3", key.rsplit("\n", 1)[0]):
        shown = make().text(text)
        assert not any(line in shown for line in body)


def test_lines_of_real_logs_stay_as_they_are() -> None:
    lines = harmless_lines()
    found = make()
    touched = [line for line in lines if found.text(line) != line]
    assert len(lines) >= 800
    assert len(touched) <= len(lines) // 200, touched


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "http://x/?" + "a" * 65_000,
        "http://x/?" + "a=" * 32_000,
        "password" * 8_000,
        "password=" * 7_000,
        "token: " * 9_000,
        '"' * 65_000,
        "\\" * 65_000,
        "password=" + "\\" * 60_000 + '"',
        "a@" * 32_000,
        "a." * 32_000,
        "::" * 32_000,
        "-----BEGIN PRIVATE KEY-----" * 2_400,
        "eyJ" * 21_000,
        "secret={" * 8_000,
        "mysql " * 10_000,
        "curl -u " * 8_000,
        "A1b2" * 16_000,
        " " * 65_000,
    ],
    ids=range(18),
)
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    make().text(text)
