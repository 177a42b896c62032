"""How the supervisor makes processes and hears of their ends.

`spawner.py` is the interface and the portable way; `fork_spawner.py` and `fork_server.py` fork from a warm
process on Linux; `process_table.py` holds all children and their pipes.
"""
