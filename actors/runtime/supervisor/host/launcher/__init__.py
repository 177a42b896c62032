"""The process that started the supervisor: it may read too slowly, or be gone.

`output_sink.py` keeps stdout and stderr from holding anything up. `parent_watch.py` notices that the parent
is gone.
"""
