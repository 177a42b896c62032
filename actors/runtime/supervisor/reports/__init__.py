"""What the supervisor tells others: events on the bus, crash records, the newest log lines.

`log_ring.py` keeps the newest log lines of each process in memory, redacted; read it first.
`crash_recorder.py` writes a record of each unexpected end to `<state>/crashes/`, with only those lines that
show why the process ended. `verdicts.py` puts into sentences what the supervisor does to an actor, and
`supervisor_log.py` keeps them. `bus_reporter.py` publishes states, log lines, crashes and alerts, and
`bus_service.py` answers requests.
"""
