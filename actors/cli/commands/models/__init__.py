"""`undercroft models`: installs, the life of installed models, and where models come from.

`models_group.py` has the group and its most common commands; read it first. `models_lifecycle.py` pauses,
repairs, leases and collects, `models_sources.py` adds models and accepts licences, `models_options.py` is
what they share.
"""
