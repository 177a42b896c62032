"""The runtime about itself: supervision, bus, alerts, logs, metrics, crashes and diagnostics.

One module for each conversation, as in `schemas`. Begin with `supervision.py`.
"""
