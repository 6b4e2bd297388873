"""What programs ask the service: alive? what became of an event? look again.

`app` holds the addresses, `records` the JSON shape of a run (the command line shows the same),
`reading` what is needed from the journal. Events do not come in here, see `intake`.
"""
