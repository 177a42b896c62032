"""What an app declares: `profile.toml`, and the files of the app that it names.

It owns no file; the profile belongs to the app. It promises that a profile either fits together or is refused
with the file, the option, what was expected and what was found. docs/profiles.md is for authors of apps.

Read `profile_tables` and `mode_tables` first: they hold every table with its defaults and limits. `profile`
finds and reads the directory as a whole. `import_names` finds packages of an app that ours would hide.
"""
