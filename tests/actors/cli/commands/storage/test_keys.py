"""`undercroft keys`, on the files and a keychain in a file."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.cli.commands.storage.keys import lines_of
from actors.cli.main import main
from actors.shared.keys import recovery_code
from actors.shared.keys.key_ring import open_ring
from schemas.keys import DataKeyReport, KeysReport


class Keys:
    """The command line on one home."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; returns exit code, stdout and stderr."""
        with pytest.raises(SystemExit) as left:
            main(["--home", str(self.home), "keys", *arguments])
        said = self._capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    def make(self) -> None:
        """What the first encrypted write does."""
        open_ring(self.home / "state").unlock(make=True)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Keys:
    """The command line, with a keychain in a file and recovery codes that cost little."""
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", f"file:{tmp_path / 'chain'}")
    monkeypatch.setattr(recovery_code, "MEMORY_KIB", 64)
    return Keys(tmp_path / "home", capsys)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What stands on stdin."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_status_makes_no_keys(keys: Keys, tmp_path: Path) -> None:
    code, out, _ = keys("status")
    assert code == 0
    assert out.startswith("no keys yet")
    assert not (tmp_path / "home").exists()


@pytest.mark.requirement("S3-19")
def test_keys_are_shown_rotated_lost_and_restored(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.make()
    code, out, _ = keys("status")
    assert (code, out.count("data key "), "recovery code       none" in out) == (0, 1, True)
    code, out, _ = keys("rotate", "--key-encryption-key")
    assert (code, out.count("only decrypts since"), out.count("encrypts")) == (0, 1, 1)
    code, secret, said = keys("recovery-code")
    assert (code, len(secret.strip())) == (0, 34)
    assert "shown only now" in said
    (tmp_path / "chain").unlink()
    code, out, _ = keys("status")
    assert code == 4
    assert out.startswith("locked (entry_missing)")
    assert "keys restore" in out
    typed(monkeypatch, secret.lower())
    code, out, _ = keys("restore")
    assert code == 0
    assert out.startswith("unlocked")
    assert keys("unlock")[0] == 0


def test_code_that_is_wrong_is_refused_and_not_repeated(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.make()
    for text, words in [
        ("AAAA-BBBB", "mistyped"),
        (recovery_code.new_code(), "no recovery code was ever made"),
    ]:
        typed(monkeypatch, text)
        code, out, said = keys("restore")
        assert (code, out) == (4, "")
        assert words in said
        assert text not in said


def test_answers_in_json_hold_no_secret(keys: Keys, tmp_path: Path) -> None:
    import msgspec

    keys.make()
    report = msgspec.json.decode(keys("status", "--json")[1], type=KeysReport)
    assert (report.state, len(report.data_keys), report.has_recovery_code) == ("unlocked", 1, False)
    secret = msgspec.json.decode((tmp_path / "chain").read_bytes(), type=dict[str, str])
    assert not any(value.partition(":")[2] in str(report) for value in secret.values())
    answer: dict[str, Any] = msgspec.json.decode(keys("recovery-code", "--json")[1])
    assert recovery_code.parse(answer["recovery_code"])


def test_choice_of_a_keychain_that_is_none_is_refused(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERCROFT_KEYCHAIN", "plaintext")
    code, _, said = keys("status")
    assert code == 4
    assert "expected 'system' or 'file:/absolute/path'" in said


def test_nothing_to_rotate_is_told(keys: Keys) -> None:
    code, _, said = keys("rotate")
    assert code == 4
    assert "no keys were made yet" in said


def test_lines_name_the_reason_and_what_to_do() -> None:
    report = KeysReport(
        state="locked",
        reason="timed_out",
        detail="no answer",
        advice="see",
        key_encryption_key="k",
        kept_in="a keychain",
    )
    assert lines_of(report) == [
        "locked (timed_out): no answer",
        "see",
        "key-encryption key  k, put into a keychain",
    ]
    one = DataKeyReport(id="d", created_at=0.0)
    assert (
        lines_of(KeysReport(state="unlocked", keychain="c", data_keys=[one], has_recovery_code=True))[-1]
        == "recovery code       there is one"
    )
