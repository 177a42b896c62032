"""The broker: one process, one synchronous loop, one order for all events.

`broker_core.py` decides without sockets; `event_log.py` numbers and keeps events, `request_table.py` the
requests under way; `broker_process.py` joins them to the sockets.
"""
