"""Keys of a runtime that listens on TCP (CurveZMQ, RFC 26): made fresh for each runtime."""

from __future__ import annotations

import msgspec
import zmq

from bus.discovery import CurveKeys


class CurveSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """All four keys: the server's pair, and the pair that its clients share. Each is 40 characters of Z85."""

    server_public: str
    server_secret: str
    client_public: str
    client_secret: str

    def for_clients(self) -> CurveKeys:
        """The keys that clients may have."""
        return CurveKeys(
            server_public=self.server_public,
            client_public=self.client_public,
            client_secret=self.client_secret,
        )


def new_curve_secrets() -> CurveSecrets:
    """Make fresh keys."""
    server_public, server_secret = (key.decode() for key in zmq.curve_keypair())
    client_public, client_secret = (key.decode() for key in zmq.curve_keypair())
    return CurveSecrets(
        server_public=server_public,
        server_secret=server_secret,
        client_public=client_public,
        client_secret=client_secret,
    )
