"""The fault campaign: the service has to keep its promises while all around it fails.

`make campaign` runs it. It starts the real program, kills it, takes its neighbours away, lets
its disk fail, and then compares what happened outside of it (a witness file that scripts
write, a sink that writes down what it got, the answers a sender got) with what was promised.
Nothing in `service/` knows of it but `wiring.crash_points`.
"""
