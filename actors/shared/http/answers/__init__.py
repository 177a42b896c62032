"""What servers say, read in one place: strictly, in bounds, and never as a guess.

`field_values` reads numbers, ranges, dates, tags and digests of HTTP fields; `json_answers` reads documents
into declared types. `short_answers` is the client for answers that fit in memory: it keeps no cookies and
unpacks nothing. `stranger_text` quotes words of a server in sentences of ours. All but the client are pure.

No other module of the rooms that talk to servers takes apart what they say; a test looks for it.
"""
