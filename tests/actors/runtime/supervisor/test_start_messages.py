"""What children are told first: where to listen, where their files are, how to reach the bus."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest

from actors.runtime.child_main import ActorStart, BrokerStart, StartMessage
from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.host.broker_endpoints import BrokerEndpoints
from actors.runtime.supervisor.membership import Membership
from actors.runtime.supervisor.start_messages import StartMessages
from actors.runtime.supervisor.supervisor_options import SupervisorOptions
from actors.shared.locations.locations import locate
from actors.shared.profile.profile import read_profile
from bus.broker.broker_process import BrokerOptions
from bus.broker.roster import Roster, digest_of

PROFILE = """
name = "probe"
[topics]
namespaces = ["myapp.*"]
[[children]]
name = "tray"
entry = "my.tray:build"
[[children]]
name = "sidecar"
command = ["sleep", "1"]
"""
BROKER = ChildSpec(name="broker")
ACTOR = ChildSpec(name="tray", entry="my.tray:build", path=Path("/app/src"))
COMMAND = ChildSpec(name="sidecar", command=("sleep", "1"), ready="started")


@pytest.fixture
def options(tmp_path: Path) -> SupervisorOptions:
    (tmp_path / "profile.toml").write_text(PROFILE)
    return SupervisorOptions(
        app="probe",
        home=str(tmp_path),
        locations=locate("probe", tmp_path),
        profile=read_profile(tmp_path),
        runtime_path=tmp_path / "runtime.json",
        transport="ipc",
    )


def messages(options: SupervisorOptions) -> StartMessages:
    membership = Membership(options.profile)
    return StartMessages(options, BrokerEndpoints("ipc://lane", "ipc://feed"), 7.0, membership)


def told(found: StartMessages, spec: ChildSpec) -> StartMessage:
    message = found.message_for(spec)
    assert message is not None
    return msgspec.convert(message.start, StartMessage)


def broker_options(found: StartMessages) -> BrokerOptions:
    start = told(found, BROKER)
    assert isinstance(start, BrokerStart)
    return msgspec.convert(start.options, BrokerOptions)


def test_the_broker_is_told_where_to_listen_and_whose_topics_it_carries(options: SupervisorOptions) -> None:
    found = messages(options)
    broker = broker_options(found)
    assert (broker.lane, broker.feed) == ("ipc://lane", "ipc://feed")
    assert broker.roster is not None
    assert [rule.namespace for rule in broker.roster.namespaces] == ["myapp.*"]
    assert set(broker.roster.peers) == {"supervisor", "tray", "sidecar"}
    assert (broker.token, broker.succession) == (found.token, False)


def test_a_broker_that_comes_back_listens_where_the_former_one_did(options: SupervisorOptions) -> None:
    found = messages(options)
    details = {"lane": "tcp://127.0.0.1:5", "feed": "tcp://127.0.0.1:6"}
    runtime = found.broker_listens(details)
    assert runtime is not None
    assert (runtime.lane, runtime.feed, runtime.token) == (details["lane"], details["feed"], found.token)
    assert (runtime.app, runtime.pid, runtime.started_at) == ("probe", os.getpid(), 7.0)
    assert found.broker_listens(details) is None, "clients have what they need"
    again = broker_options(found)
    assert (again.lane, again.succession) == (details["lane"], True)


def test_an_actor_is_told_how_to_reach_the_bus_and_where_its_files_are(options: SupervisorOptions) -> None:
    found = messages(options)
    runtime = found.broker_listens({"lane": "l", "feed": "f"})
    start = told(found, ACTOR)
    assert isinstance(start, ActorStart)
    assert (start.name, start.entry, start.path) == ("tray", "my.tray:build", "/app/src")
    assert start.runtime == runtime
    paths = {category: str(path) for category, path in asdict(options.locations).items()}
    assert start.locations == start.defaults == paths


def test_defaults_are_told_apart_from_what_a_person_chose(options: SupervisorOptions, tmp_path: Path) -> None:
    chosen = replace(options.locations, logs=tmp_path / "drive" / "logs")
    found = messages(replace(options, locations=chosen, defaults=options.locations))
    found.broker_listens({"lane": "l", "feed": "f"})
    start = told(found, ACTOR)
    assert isinstance(start, ActorStart)
    assert start.locations["logs"] == str(tmp_path / "drive" / "logs")
    assert start.defaults["logs"] == str(options.locations.logs)


def test_a_command_has_no_lifeline_and_is_told_nothing(options: SupervisorOptions) -> None:
    assert messages(options).message_for(COMMAND) is None


def test_an_actor_gets_its_credential_over_the_lifeline_and_a_command_in_its_environment(
    options: SupervisorOptions,
) -> None:
    found = messages(options)
    found.broker_listens({"lane": "l", "feed": "f"})
    start = told(found, ACTOR)
    assert isinstance(start, ActorStart)
    roster = broker_options(found).roster
    assert roster is not None
    assert digest_of(start.credential) == roster.peers["tray"].credential_sha256
    assert found.environment_for(ACTOR) == {}
    name, _, secret = found.environment_for(COMMAND)["UNDERCROFT_CREDENTIAL"].partition(":")
    assert (name, digest_of(secret)) == ("sidecar", roster.peers["sidecar"].credential_sha256)
    assert start.credential not in str(broker_options(found)), "the broker knows digests alone"
    again = found.roster_message().roster
    assert again is not None
    assert msgspec.convert(again, Roster) == roster


def test_a_broker_and_a_child_that_come_back_find_the_same_credentials(options: SupervisorOptions) -> None:
    found = messages(options)
    found.broker_listens({"lane": "l", "feed": "f"})
    assert broker_options(found).roster == broker_options(found).roster
    assert told(found, ACTOR) == told(found, ACTOR)
    assert found.environment_for(COMMAND) == found.environment_for(COMMAND)


def test_over_tcp_the_secrets_of_curve_go_to_the_broker_and_their_public_part_to_clients(
    options: SupervisorOptions,
) -> None:
    found = messages(replace(options, transport="tcp"))
    secrets = broker_options(found).curve
    runtime = found.broker_listens({"lane": "l", "feed": "f"})
    assert secrets is not None
    assert runtime is not None
    assert runtime.curve == secrets.for_clients()
