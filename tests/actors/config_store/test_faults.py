"""Each system call of a save fails or is the last: old or new settings, nothing left, the next save works."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from actors.config_store.files.config_file import ConfigFile
from tests.support.syscall_faults import Scene, faults_of, needs_strace, play

pytestmark = [pytest.mark.slow, needs_strace]

SETUP = """
from actors.config_store.files.config_file import ChangedOutside, ConfigFile
file = ConfigFile(root / 'config' / 'config.json')
def save_again():
    try:
        file.save({'a': 'again', 'b': 'again'})
    except ChangedOutside:  # as after a broken edit that was put aside and is gone now
        file.look()
        file.save({'a': 'again', 'b': 'again'})
"""
SAVE = Scene(
    SETUP + "file.save({'a': 'old', 'b': 'old'})", "file.save({'a': 'new', 'b': 'new'})", "save_again()"
)
FIRST = Scene(SETUP, SAVE.act, SAVE.again)
EDITED = Scene(
    SAVE.setup + "\n(root / 'config' / 'config.json').write_text('{'); file.look(); file.refuse()",
    SAVE.act,
    SAVE.again,
)
"""Somebody's broken edit is put aside first."""


@pytest.mark.requirement("S2-5", "S2-15", "S0-2", "S0-4")
@pytest.mark.parametrize(
    ("scene", "old"), [(SAVE, "old"), (FIRST, None), (EDITED, None)], ids=["again", "first", "edited"]
)
def test_whatever_call_fails_or_is_the_last_settings_are_old_or_new_and_the_next_save_works(
    tmp_path: Path, scene: Scene, old: str | None
) -> None:
    numbers = itertools.count()

    def prepare() -> Path:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        return directory

    met = 0
    for fault in faults_of(scene, prepare):
        directory = prepare()
        outcome = play(scene, directory, fault)
        met += outcome.injected
        path = directory / "config" / "config.json"
        if outcome.killed:
            file = ConfigFile(path)
            expected = [{} if old is None else {"a": old, "b": old}, {"a": "new", "b": "new"}]
            assert dict(file.known.overrides) in expected, str(fault)
            file.save({"a": "again", "b": "again"})
        else:
            assert outcome.again == ("", ""), (str(fault), outcome.again)
            assert not outcome.error[0] or str(directory) in outcome.error[1], (str(fault), outcome.error)
        assert json.loads(path.read_bytes())["overrides"] == {"a": "again", "b": "again"}, str(fault)
        left = [one.name for one in path.parent.iterdir() if one.name != "config.json"]
        assert [name for name in left if not name.startswith("config.json.corrupt")] == [], str(fault)
        evidence = [
            text for text in ((path.parent / name).read_text() for name in left) if text
        ]  # a name may have been reserved in vain
        assert evidence == (["{"] if scene is EDITED else []), (str(fault), left)
    assert met, "no fault came to pass"
