"""What the settings are now, and what a request makes of them. Pure.

`configuration.py` is the whole at one moment; `setting_layers.py` decides which layer wins,
`setting_changes.py` what a request changes, `explanation.py` why a value is what it is. Read
`setting_changes.py` first.
"""
