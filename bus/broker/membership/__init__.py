"""Who is on the bus, as whom, and with which rights. Pure.

`peer_registry.py` admits peers by the roster and says who left; it holds the HELLO of a newcomer whose name
is taken (`name_claims.py`) until the former connection has answered. `peer_record.py` is what the broker
knows of one peer: its rights (`peer_rights.py` over `topic_rules.py`), and which of its messages have their
place (`publisher_life.py`).
"""
