"""`undercroft history`: queries and changes, export and tail, and what deletes entries.

`history_group` has the group and the commands that show or change single entries; `history_export` and
`history_removal` have the others.
"""
