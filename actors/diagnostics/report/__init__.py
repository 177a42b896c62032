"""The report as a library: `report_builder` makes it, for the actor and for `undercroft diagnostics`.

From facts to files: `report_summary` and `report_files` render, `report_redaction` redacts, and
`report_archive` puts the files into a zip. All but the builder are pure.
"""
