"""How frames get from a peer to the broker and back.

`transport.py` is the contract. `sockets/` keeps it with ZeroMQ, between processes; `memory_transport.py` with
calls on one event loop, for tests. Neither knows what the frames mean.
"""
