"""Everything is remembered here: `inbox.db` and `record.db`.

`inbox` accepts events (written by intake alone), `record` keeps runs and outgoing events
(written by the engine alone, in `strokes`) and looks into the inbox through `accepted`.
`reading` shows both files to people and programs, `lock` keeps a second instance away.
`database` opens files, `committer` writes them, `rows` turns values into rows and back,
`statements` is what is asked for every event, `joint` asks it for many at once, `counters` says
how many rows there are. Nothing outside this folder knows SQL.
"""
