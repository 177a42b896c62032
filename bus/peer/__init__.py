"""One participant of the bus: it publishes, requests, serves and subscribes, over any transport.

It promises: events of one publisher keep their order; every event is handed on once, or reported as lost;
every request has exactly one outcome; a reply has its place among the events; all of it survives a broker
that is restarted.

Start with `peer.py`, which is the whole. `peer_link.py` joins its halves: `lane/` is what it says, `feed/`
what it hears.
"""
