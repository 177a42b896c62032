"""The topics of an app come from its code, whatever else that code does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from actors.cli.topics.app_topics import app_topics, declared_topics
from actors.shared.profile.profile import read_profile
from tests.support.profiles import write_profile

SOURCE = '''
from actors.shared.sdk import Event, Request

print("hello")


class Base(Event, frozen=True, kw_only=True):
    """Without a topic."""


class ToldEvent(Event, frozen=True, kw_only=True, tag="probetopics.told"):
    """It was told.

    Attributes:
        words: what was said.
    """

    words: str


class TellRequestEvent(Request[ToldEvent], frozen=True, kw_only=True, tag="probetopics.tell"):
    """Tell it."""


def build(context):
    ...
'''


def profile_with(directory: Path, source: str) -> Path:
    return write_profile(
        directory, {"name": "probe", "entry": "probe_topics:build"}, modules={"probe_topics.py": source}
    )


@pytest.mark.timeout(60)
def test_what_its_actors_declare_is_found(tmp_path: Path) -> None:
    found, problem = app_topics(profile_with(tmp_path, SOURCE))
    assert problem == ""
    assert [(one.topic, one.kind, one.reply) for one in found] == [
        ("probetopics.tell", "request", "probetopics.told"),
        ("probetopics.told", "event", ""),
    ]
    assert [(field.name, field.about) for field in found[1].fields] == [("words", "what was said.")]


@pytest.mark.timeout(60)
def test_code_that_cannot_be_imported_costs_only_its_own_topics(tmp_path: Path) -> None:
    assert app_topics(profile_with(tmp_path, "import numppy")) == ([], "")
    found, problem = app_topics(profile_with(tmp_path, "import os; os._exit(3)"))
    assert (found, problem) == ([], "exit code 3")
    assert "not imported within" in app_topics(tmp_path, limit_seconds=0.001)[1]


def test_a_profile_without_own_actors_declares_none(tmp_path: Path) -> None:
    profile = read_profile(write_profile(tmp_path, "config_store"))
    assert list(declared_topics(profile)) == []


def test_a_machine_without_room_for_another_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    assert app_topics(tmp_path) == ([], "no process to import its Python in: No such file or directory")
