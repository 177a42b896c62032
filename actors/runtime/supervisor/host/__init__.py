"""What the supervisor has on the machine: its home, the sockets, its output, and systemd.

`home/` has the lock of the home and `runtime.json`; read it first. `broker_endpoints.py` decides where the
broker listens, `environment_credentials.py` takes credentials out of the environment, and `systemd_notify.py`
reports to the service manager. `output_sink.py` keeps output from holding anything up, and `parent_watch.py`
notices that an app is gone.

What a killed supervisor leaves here is stale, and the next one replaces it.
"""
