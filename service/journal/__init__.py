"""Everything is remembered here: `inbox.db` and `record.db` in the state directory.

`inbox` accepts events (written by intake alone), `record` keeps runs and outgoing events
(written by the engine alone), `reading` shows both to people and programs, `lock` keeps a
second instance away. `database` opens the files, `committer` writes them, `rows` turns
values into rows and back. Nothing outside this folder knows SQL.
"""
