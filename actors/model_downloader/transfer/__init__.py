"""Bytes from origins to staged files: connections, parts, resumption, limits.

`transfer.py` fetches all files of one model. `part_scheduler.py`, `http_resume.py`, `concurrency.py`,
`byte_ranges.py` and `token_bucket.py` are the pure decisions.
"""
