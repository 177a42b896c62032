"""What the store knows about an app's settings, however the app declares them.

Start with `settings_schema.py`: it holds the interface and what is declared about one setting. Two modules
implement it, `pydantic_schema.py` for a pydantic model and `json_schema.py` for a JSON Schema.
`schema_loader.py` reads the profile and imports only the one that it needs, because both are slow to import.
`plain_values.py` says which values can be stored and sent. The package owns no file.
"""
