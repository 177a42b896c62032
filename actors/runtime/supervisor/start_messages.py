"""What a child is told first: the broker where to listen, an actor where its files and the bus are."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import msgspec

from actors.runtime.child_main import ActorStart, BrokerStart
from actors.runtime.supervisor.core.child_spec import BROKER, ChildSpec
from actors.runtime.supervisor.host.broker_endpoints import BrokerEndpoints
from actors.runtime.supervisor.membership import Membership
from actors.runtime.supervisor.supervisor_options import SupervisorOptions
from actors.shared.locations.location_choices import handed_over
from actors.shared.locations.locations import Locations
from bus.broker.broker_process import BrokerOptions
from bus.discovery import CREDENTIAL_VARIABLE, Runtime
from bus.lifeline import LifelineMessage
from bus.transport.sockets.curve_keys import CurveSecrets, new_curve_secrets

TOKEN_BYTES: Final = 32


class StartMessages:
    """Holds the secrets and the addresses of one runtime.

    Attributes:
        token: proves that a peer may join the bus.
        runtime: how to reach the bus; None until the broker is ready for the first time.
    """

    def __init__(
        self,
        options: SupervisorOptions,
        endpoints: BrokerEndpoints,
        started_at: float,
        membership: Membership,
    ) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.runtime: Runtime | None = None
        self._options = options
        self._endpoints = endpoints
        self._started_at = started_at
        self._membership = membership
        self._curve: CurveSecrets | None = new_curve_secrets() if options.transport == "tcp" else None

    def broker_listens(self, details: Mapping[str, object]) -> Runtime | None:
        """Note where the broker listens. A broker that comes back listens where the former one did.

        Returns:
            How to reach the bus, the first time; None later, since nothing has changed.
        """
        self._endpoints = BrokerEndpoints(str(details["lane"]), str(details["feed"]))
        if self.runtime is not None:
            return None
        self.runtime = Runtime(
            app=self._options.app,
            pid=os.getpid(),
            started_at=self._started_at,
            lane=self._endpoints.lane,
            feed=self._endpoints.feed,
            token=self.token,
            curve=self._curve.for_clients() if self._curve else None,
            profile=str(self._options.profile.directory),
        )
        return self.runtime

    def message_for(self, spec: ChildSpec) -> LifelineMessage | None:
        """The first message for a child; None for a command, which has no lifeline."""
        if not spec.has_lifeline:
            return None
        start = self._broker_start() if spec.name == BROKER else self._actor_start(spec)
        return LifelineMessage(start=msgspec.to_builtins(start))

    def environment_for(self, spec: ChildSpec) -> dict[str, str]:
        """What a command finds in its environment besides: its credential."""
        if spec.has_lifeline:
            return {}
        return {CREDENTIAL_VARIABLE: f"{spec.name}:{self._membership.credential_of(spec.name)}"}

    def roster_message(self) -> LifelineMessage:
        """The roster of the present profile, for a broker that runs already."""
        return LifelineMessage(roster=msgspec.to_builtins(self._membership.roster))

    def _broker_start(self) -> BrokerStart:
        options = BrokerOptions(
            lane=self._endpoints.lane,
            feed=self._endpoints.feed,
            token=self.token,
            curve=self._curve,
            roster=self._membership.roster,
            succession=self.runtime is not None,
        )
        return BrokerStart(name=BROKER, options=msgspec.to_builtins(options))

    def _actor_start(self, spec: ChildSpec) -> ActorStart:
        assert self.runtime is not None, "every actor depends on the broker"
        defaults = self._options.defaults or self._options.locations
        return ActorStart(
            name=spec.name,
            entry=spec.entry,
            path=str(spec.path or ""),
            profile=str(self._options.profile.directory),
            locations=as_text(handed_over(self._options.locations, defaults)),
            runtime=self.runtime,
            defaults=as_text(defaults),
            credential=self._membership.credential_of(spec.name),
        )


def as_text(locations: Locations) -> dict[str, str]:
    """Category to directory, as a start message carries it."""
    return {category: str(path) for category, path in asdict(locations).items()}
