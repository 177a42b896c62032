"""Files that survive a crash, and everything needed to read them back safely.

`durable_write.py` is the one module that replaces files: after a crash a reader finds the old content or the
new, whole. `bounded_read.py` reads with a limit and names whatever is found in a file's place,
`quarantine.py`
puts aside what cannot be read, `directory_lock.py` gives a directory one owner.
"""
