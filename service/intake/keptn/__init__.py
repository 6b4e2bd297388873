"""Events from Keptn without a sidecar.

`control_plane` speaks to Keptn's API, `registration` keeps us known there, `subscriptions`
says which events are meant for us, `nats` and `polling` bring them in, `reception` writes
them down. `wiring` starts them in the web process, which owns the inbox.
"""
