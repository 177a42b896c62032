"""Who holds a home, and how others find that runtime.

`home_lock.py` makes sure that each home has only one supervisor; read it first. `runtime_file.py` writes the
file by which clients find the bus. While the runtime is up, `home_watch.py` restores lock, file and directory
of sockets when somebody removes or changes them. `home_holder.py` finds the process of the supervisor for a
command that cannot trust any file: the kernel names it.
"""
