"""What is known is folded from events: the last word on each thing, and nothing twice."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.readiness.snapshot.readiness_facts import FactEvent, ReadinessFacts, learn, listed
from schemas.manifest import FilePromise, ModelEntry
from schemas.models import ModelsListedEvent, ModelState
from schemas.paths import PathMoveChangedEvent
from schemas.sources import CatalogueEntry, ModelCatalogueChangedEvent
from tests.support.readiness_lab import (
    NOW,
    actor_event,
    alert_event,
    all_installed,
    facts_of,
    paths_event,
    progress_event,
    settings_event,
    state_event,
    status,
)


def answer(*model_ids: str, directory: str = "/models") -> ModelsListedEvent:
    return ModelsListedEvent(
        models=[status(model_id, "installed") for model_id in model_ids], models_directory=directory
    )


@given(st.sampled_from(get_args(ModelState)), st.sampled_from(["", "space", "mismatch"]))
def test_the_same_state_twice_is_as_good_as_once(state: ModelState, kind: Any) -> None:
    event = state_event("base", state, problem="x", problem_kind=kind, durable_bytes=3)
    once = learn(ReadinessFacts(), event, NOW)
    assert learn(once, event, NOW + 1) == once


def test_what_the_downloader_does_not_name_is_no_more() -> None:
    facts = listed(facts_of(*all_installed()), answer("base"), NOW)
    assert (list(facts.models), facts.is_listed) == (["base"], True)


def test_a_setting_is_found_by_its_path_and_a_missing_one_is_none() -> None:
    facts = learn(ReadinessFacts(), settings_event(stt="spare"), NOW)
    assert facts.setting("stt.model_id") == "spare"
    assert facts.setting("stt.model_id.more") is None
    assert facts.setting("no.such") is None
    assert ReadinessFacts().setting("stt") is None


@pytest.mark.requirement("S1-2")
def test_a_downloader_that_serves_elsewhere_is_a_mismatch_until_it_does_no_more() -> None:
    facts = listed(learn(ReadinessFacts(), paths_event("/new"), NOW), answer("base", directory="/old"), NOW)
    assert (facts.place.trouble, facts.place.directory) == ("path_mismatch", "/new")
    assert listed(facts, answer("base", directory="/new"), NOW).place.trouble is None


def test_a_move_is_no_mismatch() -> None:
    moving = PathMoveChangedEvent(source="/old", target="/new", action="move", state="moving")
    facts = learn(learn(ReadinessFacts(), paths_event("/new"), NOW), moving, NOW)
    assert listed(facts, answer("base", directory="/old"), NOW).place.trouble is None


@pytest.mark.requirement("S1-39")
@pytest.mark.parametrize(
    ("found", "is_usable"),
    [
        (status("base", "installed"), True),
        (status("base", "verifying"), False),
        (status("base", "verifying", revision="r1"), False),
        (status("base", "downloading", revision="r1"), True),
        (status("base", "downloading"), False),
        (status("base", "damaged", revision="r1"), False),
        (status("base", "failed", revision="r1"), True),
        (status("base", "failed"), False),
        (status("base", "absent"), False),
    ],
)
def test_only_what_is_whole_and_verified_is_usable(found: Any, is_usable: bool) -> None:
    assert facts_of(found).is_usable("base") is is_usable
    assert not facts_of().is_usable("base")


def test_progress_ends_with_the_install() -> None:
    facts = facts_of(status("base", "downloading"), events=(progress_event("base", 5),))
    assert "base" in facts.installing
    done = learn(facts, state_event("base", "installed"), NOW)
    assert (done.installing, dict(done.progress)) == (frozenset(), {})


def test_alerts_are_known_while_they_are_active() -> None:
    alert = alert_event("m")
    facts = learn(ReadinessFacts(), alert, NOW)
    assert list(facts.alerts) == ["x/a/"]
    over = alert_event("m", is_active=False)
    assert learn(facts, over, NOW).alerts == {}


def test_where_a_licence_can_be_read_is_known_from_the_catalogue() -> None:
    promise = FilePromise(path="f", size_bytes=1, sha256="0" * 64, urls=["https://x/f"])
    entry = ModelEntry(
        id="base", name="Base", category="stt", licence="X", licence_url="https://x/licence", files=[promise]
    )
    known = CatalogueEntry(entry=entry, source="bundled", where="models.json")
    facts = learn(
        ReadinessFacts(),
        ModelCatalogueChangedEvent(models=[known], accepted=[], revision=1, reason="start"),
        NOW,
    )
    assert facts.licence_urls == {"base": "https://x/licence"}


def test_the_state_of_an_actor_is_the_last_one() -> None:
    facts = learn(
        learn(ReadinessFacts(), actor_event("model_downloader", "starting"), NOW),
        actor_event("model_downloader", "ready"),
        NOW,
    )
    assert facts.services["model_downloader"].state == "ready"
    assert len(get_args(FactEvent)) == 10
