"""The runner's pool by itself, with small limits; started by a test, prints what happened."""

import json
import os
import select
import sys
import time

from service.engine.process_tree import end_all
from service.engine.protocol import Start
from service.engine.sandbox import adopt_orphans
from service.engine.warm import pool as pools


def main(script, folder, limits):
    adopt_orphans()
    for name, value in limits.items():
        setattr(pools, name, value)
    poll = select.poll()
    said = []
    pool = pools.Pool(
        poll,
        born=lambda waiting, spare: (said.append("warm"), spare.send(waiting, ())),
        cold=lambda start, streams, why: said.append(why),
    )
    null = os.open("/dev/null", os.O_RDWR)

    def turn(seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for descriptor, _ in poll.poll(20):
                pool.heard(descriptor, now=time.monotonic())
            pool.act(time.monotonic())

    def start(project):
        start = Start(
            run=f"r{len(said)}",
            argv=(sys.executable, "-B", script, script),
            environment={"LANG": "C.UTF-8"},
            cwd=folder,
            timeout=9,
            grace=1,
            file_size=0,
            memory=0,
            processes=0,
            warm=project,
        )
        why = pool.take(start, (null, null), now=time.monotonic())
        if why:
            said.append(why)

    for project, seconds in json.loads(sys.argv[1])["steps"]:
        if project:
            start(project)
        turn(seconds)
    left = sorted(len(pool._live[key].spares) for key in pool._live)
    sys.stdout.write(json.dumps({"said": said, "left": left}))
    end_all(within=5)


main(**{key: value for key, value in json.loads(sys.argv[1]).items() if key != "steps"})
