"""How a command finds the runtime of a home, and ends it.

`runtime_search.py` finds it by the lock of the home, and waits for a `runtime.json` that fits.
`runtime_end.py` ends it over the bus, or by a signal to the process that holds the lock.
"""
