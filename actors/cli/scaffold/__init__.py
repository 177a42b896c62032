"""Writes the first files of an app: a profile that passes `undercroft check`, and starts.

It owns nothing: the files belong to the app from the moment they are written, and none that is there is ever
overwritten. `app_scaffold` says which files there are and what they hold; the texts lie in `templates/`, each
under the name of its file with `.txt` behind it. `undercroft init` writes them.
"""
