"""What a person sees while a command runs: live tables, progress bars, plain lines, JSON.

A view gets events or statuses and decides only how they look; nothing here talks to the bus. Where a command
can be watched, there is a view for a terminal, one for a log, and one for a program (`up_view.py`,
`install_view.py`, `ready_view.py`, `tour_view.py`). The other modules turn one status into lines. Read
`actor_table.py` first.
"""
