"""The models directory: layout, staging directories and their journal, activation.

A file becomes visible under a model's name only after it was verified. `models_layout.py` says where
everything lies, `staging_journal.py` what is durable, `activation.py` how a verified revision takes its
place.
"""
