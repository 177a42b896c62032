"""A broker for tests of the Python client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.support.broker_processes import BrokerProcess, broker_options, broker_process
from undercroft_client import Runtime


def runtime_of(broker: BrokerProcess) -> Runtime:
    """What the file of this broker would say."""
    return msgspec.convert(msgspec.to_builtins(broker.runtime()), Runtime)


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    """A broker in a process of its own."""
    directory: Path = tmp_path_factory.mktemp("b")
    with broker_process(broker_options("ipc", directory)) as running:
        yield running


@pytest.fixture
def runtime(broker: BrokerProcess) -> Runtime:
    """Leads to the broker."""
    return runtime_of(broker)
