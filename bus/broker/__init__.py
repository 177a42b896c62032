"""The broker: one process, one synchronous loop, one order for all events.

It admits peers, gives every event its number, keeps the newest events for replay and the retained ones for
late joiners, and connects requests with their servers. It owns no files. Whatever a peer sends, the broker
survives: it refuses with a reason, and counts.

Start with `broker_core.py`, which decides everything without sockets, by its parts: `membership/` (who is
connected, with which rights), `acceptance.py` (what gets a place in the order), `request_relay.py` over
`request_table.py` (requests under way) and `service_book.py` (who serves), and `log_reader.py` (what peers
ask of the past). They share `log/` (order, ring, retained events), `outgoing.py` (what is to be sent) and
`backlog.py` (what a slow peer did not take yet).
`roster.py` is what the supervisor hands over: who may do what. `broker_process.py` joins the core to sockets,
`memory_bus.py` to peers in the same process.
"""
