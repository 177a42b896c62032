"""How a stored value looks on disk: an envelope, its digest, and encryption inside it.

`envelope.py` seals and opens, `envelope_errors.py` names every way in which opening ends, `cipher.py` is
XAES-256-GCM, `content_codec.py` turns values into canonical JSON and compresses them. Keys come from
`actors.shared.keys`.
"""
