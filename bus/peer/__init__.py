"""One participant of the bus: it publishes, requests, serves and subscribes, over any transport.

It promises: events of one publisher keep their order; every event is handed on once, or reported as lost;
every request has exactly one outcome; all of it survives a broker that is restarted.

Start with `peer.py`, which is the whole. `publisher.py`, `requester.py`, `responder.py` and `subscriber.py`
are its parts, `admission.py` the state that they share. `outbox.py` and `ordering.py` are the pure decisions
behind publishing and listening, `subscription.py` is what a subscriber iterates over.
"""
