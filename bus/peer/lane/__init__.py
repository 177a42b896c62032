"""What one participant says: events that it publishes, requests that it makes, and those that it answers.

`outbox.py` decides what is sent, and sent again; `publisher.py` sends it. `requester.py` and `responder.py`
are the two sides of a request. `admission.py` knows whether a broker has admitted the peer.
"""
