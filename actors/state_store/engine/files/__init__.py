"""The files of the store on disk: where they lie, and what becomes of those that cannot be used.

`state_layout.py` makes the directories, finds the keys at a start and writes beside their places.
`document_quarantine.py` reads documents and puts damaged ones aside. `directory_swap.py` replaces all of them
at once for a restore. What has the name of a file of ours and can never be one is put aside, never followed.
"""
