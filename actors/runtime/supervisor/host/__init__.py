"""What the supervisor has on the machine: the home's lock, `runtime.json`, sockets, systemd."""
