"""Files that survive a crash, and safe ways to read whatever lies in their place.

It owns no file of its own; every other package that writes to disk stands on it. It promises that after a
crash at any step a reader finds the old content or the new, whole, and that nothing unreadable is ever
overwritten.

Read `durable_write` first: it is the one module that replaces files.

Writing: `record_file` keeps one JSON record in a file. `atomic_exchange` lets two names trade places.
Reading: `bounded_read` reads with a limit and names whatever else it finds, `strict_json` accepts only
unambiguous JSON, `quarantine` renames what cannot be read, `file_identity` tells whether a file is still the
same. Directories: `directory_lock` gives one an owner, `directory_tree` measures and deletes, `numbered_name`
finds a free name. `boot_id` tells whether the machine ran on.
"""
