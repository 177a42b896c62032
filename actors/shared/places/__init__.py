"""Turns names from outside into places below a root, without following what others planted.

It owns no file. It promises that what is read, written, cut, renamed or deleted under a name lies below the
root that the name was given for, also when somebody exchanges a directory for a link at that very moment.

`place_names` judges names: pure, and alike on every platform. `root_directory` opens a root once and walks
below it by descriptors, so that no link is followed; where a platform has no such calls, each step is looked
at first. `rooted_place` is a name below a root that can be opened, renamed and removed; everything in
`actors.shared.durable` takes it in place of a path. `shared_root` refuses a root that others may write to.

Begin with `rooted_place`.
"""
