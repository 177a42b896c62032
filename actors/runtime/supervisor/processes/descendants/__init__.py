"""What children start, and how it ends with them; Linux only.

`child_groups.py` gives each child a control group where one can be made. Where none can, `process_tree.py`
reads marks and parents from /proc, `orphan_owners.py` decides what has outlived its child, and
`adopted_processes.py` ends what the supervisor adopts. A process is killed only while we are its parent, or
by its descriptor: its id cannot belong to a stranger by then.
"""
