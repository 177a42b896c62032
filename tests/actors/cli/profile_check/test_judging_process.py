"""A profile is judged in a process of its own: code of the app can neither end nor steer the command."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.cli.profile_check.judging_process import NotJudged, ProfileJudgement
from actors.cli.profile_check.mistake import ProfileMistaken
from tests.support.profiles import write_profile

pytestmark = pytest.mark.timeout(60)


def test_a_sound_profile_is_judged_so_whatever_its_code_prints(tmp_path: Path) -> None:
    source = "print('hello')\nfrom pydantic import BaseModel\nclass Settings(BaseModel): ..."
    assert ProfileJudgement(write_profile(tmp_path, settings=source)).refuse_mistakes() == []


def test_secrets_of_the_command_stay_with_it(tmp_path: Path) -> None:
    source = "import os\nassert 'UNDERCROFT_PEER_CREDENTIALS' not in os.environ\nDOCUMENTS = []"
    write_profile(tmp_path, top={"documents": "d.py:DOCUMENTS"}, modules={"d.py": source})
    judgement = ProfileJudgement(tmp_path, {"UNDERCROFT_PEER_CREDENTIALS": "{}", "PATH": "/bin"})
    assert judgement.mistakes() == []


def test_a_mistake_is_refused_and_a_lesser_one_is_told(tmp_path: Path) -> None:
    write_profile(tmp_path, {"name": "tray", "command": ["no-such-program-here"]}, top={"models": "no.json"})
    judgement = ProfileJudgement(tmp_path)
    with pytest.raises(ProfileMistaken) as refused:
        judgement.refuse_mistakes()
    assert [one.place for one in refused.value.mistakes] == ["models"]


def test_code_that_ends_the_process_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_profile(tmp_path, settings="import os\nos._exit(7)")
    with pytest.raises(NotJudged, match="exit code 7"):
        ProfileJudgement(tmp_path).mistakes()
    assert ProfileJudgement(tmp_path).refuse_mistakes() == []
    assert "could not be judged" in capsys.readouterr().err


def test_code_that_waits_is_left(tmp_path: Path) -> None:
    write_profile(tmp_path, settings="import threading\nthreading.Event().wait()")
    (mistake,) = ProfileJudgement(tmp_path).mistakes(limit_seconds=0.01)
    assert not mistake.blocks
    judgement = ProfileJudgement(tmp_path)
    judgement.close()
    judgement.close()


def test_a_machine_without_room_for_another_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with pytest.raises(NotJudged, match="no process for it: No such file"):
        ProfileJudgement(write_profile(tmp_path))
