"""The history on disk: encrypted segment files and the catalog that vouches for them.

`segment.py` and `segment_records.py` turn entries into bytes and back (pure); `segment_store.py` is the one
writer; `recovery.py` judges what a crash left behind; `catalog.py` tells a deleted segment from a lost one.
"""
