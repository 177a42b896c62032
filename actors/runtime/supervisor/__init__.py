"""Starts the processes of a profile, keeps them running, and stops them.

`start.py` builds everything from names on a command line. `supervisor.py` feeds what happens into the pure
policy in `core/` and carries out the effects that it returns: it starts, signals and pings processes through
`processes/`, keeps their log lines (`log_ring.py`), records crashes (`crash_recorder.py`), and notifies
observers (`interfaces.py`). `bus_reporter.py` is the observer that publishes events; `bus_service.py` answers
requests on the bus. The `undercroft up` views are observers, too.

It owns `runtime.json` (how clients find the bus), the lock of the state directory, the sockets in `run/` and
the records in `crashes/`.

It promises: one supervisor for each home. Actors crash, hang or are killed without taking others along.
Nobody outlives the supervisor, even if it is killed itself.

It serves on the bus: `supervision.status`, `supervision.restart`, `supervision.stop` and `supervision.logs`.

Read `core/supervision_events.py` first, then `core/supervision_policy.py`, then `supervisor.py`.
"""
