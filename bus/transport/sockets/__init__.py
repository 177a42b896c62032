"""The sockets of the bus. No other package imports ZeroMQ; everything above sees frames.

`broker_sockets.py` is the broker's side, a ROUTER and a PUB socket. `lane_intake.py` takes messages in,
`unsent_bytes.py` counts what slow peers have not taken, `stalled_readers.py` finds those that take nothing.
`listener.py` binds an endpoint and can close its gate, `connection_monitor.py` and `connection_census.py`
know how many connections there are and when that is enough, `descriptors.py` asks the system about them.

`socket_transport.py` connects a peer's side, a DEALER and a SUB socket, on its asyncio loop. `frame_io.py` is
what both do to a socket, `curve_keys.py` makes the keys for TCP.
"""
