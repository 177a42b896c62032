"""The process that started the supervisor: it may read too slowly, or be gone.

`process_limits.py` judges whether the limits that it hands down will do, before anything starts.
`output_sink.py` keeps stdout and stderr from holding anything up. `parent_watch.py` notices that the parent
is gone.
"""
