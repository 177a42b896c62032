"""Starts the processes of a profile, keeps them running, and stops them.

`start.py` builds everything from names on a command line. `supervisor.py` feeds what happens into the pure
policy in `core/` and carries out the effects that it returns. It starts, signals and pings processes through
`processes/`, keeps their log lines and records their crashes (`reports/`), and notifies observers
(`interfaces.py`): one publishes events on the bus, the views of `undercroft up` are others.
`reports/bus_service.py` answers requests on the bus. `profile_children.py` turns a profile into child specs,
and `start_messages.py` tells each child its role.

It owns `runtime.json` (how clients find the bus), the lock of the state directory and the sockets in `run/`
(all in `host/`), and the records in `crashes/`.

It promises: one supervisor for each home. Actors crash, hang or are killed without taking others along.
Nobody outlives the supervisor, even if it is killed itself.

It serves on the bus: `supervision.status`, `supervision.restart`, `supervision.stop` and `supervision.logs`.

Read `core/supervision_events.py` first, then `core/supervision_policy.py`, then `supervisor.py`.
"""
