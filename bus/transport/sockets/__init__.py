"""The sockets of the bus. No other package imports ZeroMQ; everything above sees frames.

`broker_sockets.py` binds the broker's side, a ROUTER and a PUB socket. `socket_transport.py` connects a
peer's side, a DEALER and a SUB socket, on its asyncio loop. `frame_io.py` is what both do to a socket,
`curve_keys.py` makes the keys for TCP.
"""
