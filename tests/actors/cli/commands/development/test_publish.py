"""`undercroft publish` puts an event on the bus, and says why if the broker does not take it."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.actors.cli.conftest import Cli

pytestmark = pytest.mark.timeout(120)


def test_an_event_arrives_with_its_fields(running: Cli) -> None:
    command = running.command("watch", "app.published", "app.ready_to_watch", "-n", "1", "--json")
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        while watching.poll() is None:  # nobody tells when the other process has subscribed
            assert running("publish", "app.published", '{"a-b": {"c": [1]}}').code == 0
        assert watching.stdout is not None
        seen = json.loads(watching.stdout.readline())
    finally:
        watching.kill()
        watching.communicate()
    assert seen["event"] == {"type": "app.published", "a-b": {"c": [1]}}


def test_json_says_what_was_published(running: Cli) -> None:
    assert running("publish", "app.published", "--json").documents == [{"published": "app.published"}]


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("config.nothing", "there is no topic 'config.nothing'"),
        ("config.request", "'undercroft call config.request'"),
        ("config.settings_changed", "missing required field"),
    ],
)
def test_what_cannot_be_published_is_refused(topic: str, said: str, running: Cli) -> None:
    ended = running("publish", topic)
    assert ended.code in (1, 4)
    assert said in ended.err
