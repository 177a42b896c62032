"""How a stored value lies on disk: in an envelope with a digest, compressed and encrypted if wanted.

It owns no file. It promises that what `seal` took opens as it was or not at all: damage shows without a key,
and a missing or wrong key is never taken for damage. docs/keys.md describes the format.

Read `envelope` first; it seals and opens, and offers all names that users need. `envelope_layout` is the
format byte by byte, `envelope_errors` names every way in which opening ends. `content_codec` turns values
into canonical JSON and compresses it. `cipher` is XAES-256-GCM. Keys come from `actors.shared.keys`.
"""
