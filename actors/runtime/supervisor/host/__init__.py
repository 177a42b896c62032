"""What the supervisor has on the machine: its home, the sockets, its launcher, and systemd.

`home/` has the lock of the home and `runtime.json`; read it first. `launcher/` has what leads to the process
that started the supervisor: its output, and the end of the parent. `broker_endpoints.py` decides where the
broker listens, `environment_credentials.py` takes credentials out of the environment, and `systemd_notify.py`
reports to the service manager.

What a killed supervisor leaves here is stale, and the next one replaces it.
"""
