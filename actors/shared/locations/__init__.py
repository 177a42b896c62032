"""Where each kind of file of an app lies, and what a person chose instead.

`locations.py` derives the directories from a home or from the platform; `location_choices.py` keeps
`locations.json`. The actor that answers for them is `actors.locations`.
"""
