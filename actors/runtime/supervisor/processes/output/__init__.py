"""What children write: read from their pipes without waiting, and cut into lines.

Start with `line_cutter.py`; `pipe_reader.py` feeds it from the event loop, or from a thread on Windows.
"""
