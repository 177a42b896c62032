"""One participant of the bus: publishes, asks, serves, subscribes.

`peer.py` is the whole; `publisher.py`, `requester.py`, `responder.py` and `subscriber.py` are its four
halves; `outbox.py` and `ordering.py` are the pure decisions behind them.
"""
