"""Topics for a developer: which there are, which fields their events have, and events made from JSON.

It owns nothing and changes nothing. `topic_catalogue` describes the topics of the contract, and `app_topics`
those of an app, whose code it imports in a process of its own. `json_event` turns what a person typed into an
event, and names the fields that its topic does not have.
"""
