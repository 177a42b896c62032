"""Unpacks verified archives below the staging directory of a model.

It owns no file but those that it unpacks. It promises that nothing leaves the directory, no link is made, no
two members share a place on any file system, and that size, memory and number of members have limits.

Begin with `archive`. `archive_reader` reads members from front to back, `packed_stream` and `zip_members`
unpack within bounds, `member_paths` decides where each member goes.
"""
