"""What a person sees while a command runs: live tables, progress bars, plain lines, JSON.

Each view is told what happened and decides only how that looks; nothing here talks to the bus.
"""
