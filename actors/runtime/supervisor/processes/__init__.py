"""How the supervisor creates processes, talks to them and learns of their ends.

`process_table.py` holds all children and emits what they do; read it first. `child_process.py` is one child
with its pipes (`pipe_reader.py`, `line_cutter.py`). `spawner.py` is the interface and the portable way to
create processes; `fork_spawner.py` and `fork_server.py` fork from a process that has everything imported and
warm (`warmup.py`, Linux), by way of `fork_letters.py` and `forked_child.py`. `descendants/` ends what
children start. `oom_watch.py` and `process_memory.py` read what the kernel tells;
`loop_signals.py` hands signals to the event loop.

It decides nothing: what a process does becomes an input of `core`.
"""
