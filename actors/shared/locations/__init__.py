"""Where each kind of file of an app lies, and which directories a person chose instead.

It owns `<config>/locations.json`. The supervisor reads that file before any child starts; only the actor
`actors.locations` writes it. A file that cannot be read never keeps the runtime from starting: defaults
apply, and the fault is shown. docs/paths.md is for users.

Read `locations` first: it derives the directories from a home or from the platform. `location_choices` keeps
the choices, and combines them with defaults and environment variables.
"""
