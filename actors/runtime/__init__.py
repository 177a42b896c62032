"""What runs the actors: the supervisor, the entry point of a child process, and the bundled profiles.

It knows actors by name only, from the `entry` of a profile. `supervisor/` starts processes and keeps them
running; begin there. `child_main.py` is what a child executes first: it waits for its start message and
becomes the broker or an actor. `process_name.py` wraps what Linux offers a process. `profiles/` holds the
apps that are shipped.
"""
