"""Keys are made for one runtime, and clients get only their own."""

from __future__ import annotations

from bus.transport.sockets.curve_keys import new_curve_secrets


def test_keys_are_fresh_and_clients_learn_no_secret_of_the_server() -> None:
    one, other = new_curve_secrets(), new_curve_secrets()
    assert len({one.server_secret, one.client_secret, other.server_secret, other.client_secret}) == 4
    assert one.server_secret not in str(one.for_clients())
