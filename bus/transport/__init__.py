"""What carries frames: ZeroMQ sockets, or calls within one process.

`transport.py` is the protocol, `sockets.py` the only module that imports ZeroMQ, `memory_bus.py` the twin for
tests.
"""
