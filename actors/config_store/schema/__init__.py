"""What the store knows of an app's settings, whichever way the app declares them.

`settings_schema.py` is the interface; `pydantic_schema.py` and `json_schema.py` are imported only where a
profile uses them.
"""
