"""What the supervisor has on the machine: the lock of the home, `runtime.json`, the sockets, and systemd.

`home_lock.py` makes sure that each home has only one supervisor; read it first. `runtime_file.py` writes the
file by which clients find the bus, `broker_endpoints.py` decides where the broker listens, and
`systemd_notify.py` reports to the service manager. What a killed supervisor leaves here is stale, and the
next one replaces it.
"""
