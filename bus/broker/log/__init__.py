"""The one order of all events, and what is kept of it. Pure: neither sockets nor time.

Start with `event_log.py`, which gives every run its number and keeps the newest ones in a ring for replay.
`retained_events.py` has the newest event of each key for late joiners, `topic_index.py` finds the topics that
a pattern matches, `logged_run.py` is a run at its place. `retained_owners.py` and `topic_quotas.py` say whose
all that is, and how much a peer may have. `told_lag.py` knows how far subscribers say that they are.
"""
