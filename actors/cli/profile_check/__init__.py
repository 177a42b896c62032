"""Finds every mistake of a profile, offline, and says what to do about each.

It owns no file and changes nothing. It promises that one mistake hides no other: what is wrong is taken out,
and the rest is looked at. Code of the app is imported in a process of its own, whatever that code does.

Read `profile_examination` first: it names what is looked at. `table_mistakes` reads `profile.toml`,
`settings_mistakes`, `child_mistakes`, `model_mistakes` and `state_mistakes` look at what it names.
`judging_process` runs all of that beside the command. `undercroft check` and `undercroft up` use it.
"""
