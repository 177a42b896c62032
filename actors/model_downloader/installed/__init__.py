"""The installed models: checked, lent, repaired, rolled back and removed.

`installed_models` compares every model with its record after a start, lends models, and removes them.
`maintenance` goes back to the former revision, repairs what is damaged, and has each model verified now and
then. `repair` decides which files of a damaged model can be built upon.

Promises: a damaged model is never lent. While somebody holds a model, nobody changes it.

Read `installed_models` first.
"""
