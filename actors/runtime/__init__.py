"""What runs the actors: the supervisor, the entry point of a child process, and the bundled profiles.

It knows actors by name only, from the `entry` of a profile. `supervisor/` decides and carries out,
`child_main.py` is what a child executes first, `process_name.py` wraps what Linux offers a process,
`profiles/` are shipped
apps.
"""
