"""The audit log of a home: who read or wrote which key when, never a value.

It owns `<state>/audit/audit-000001.jsonl` and the files that follow it, and the head of the log,
`<state>/keys/audit.head.json`. One process writes a log; any process may verify it meanwhile.

It promises that a record outlives a kill of its process, and that a line that was changed, removed or cut
off before the last checkpoint shows when the log is verified. A line that a crash tore is no tampering.

Read `audit_chain` first: it is pure and links each line to the one before. `audit_files` names and reads the
files, `audit_check` verifies a whole log, `audit_log` appends and rotates.
"""
