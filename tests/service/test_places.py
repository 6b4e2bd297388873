"""How many scripts run at once, in which order, and what happens when too many wait."""

from concurrent.futures import ThreadPoolExecutor

import pytest

NAP = "com.example.nap"


@pytest.fixture
def service(serve, signing):
    def make(**options):
        nap = signing("begin") + "sleep 0.3\n" + signing("end")
        return serve({f"{NAP}.sh": nap}, sink=False, **options).start()

    return make


def most_at_once(signs):
    """Return how many scripts ran at the same time, at most."""
    running = most = 0
    for sign in sorted(signs, key=lambda sign: (sign.at, sign.what == "begin")):
        running += 1 if sign.what == "begin" else -1
        most = max(most, running)
    return most


def test_places_are_kept(service, event):
    service = service(genexec_at_once=4, genexec_per_project=2)
    events = [event(NAP, project=f"project-{number % 3}") for number in range(21)]

    runs = service.post(events).json()["runs"]

    records = [service.wait_for(run) for run in runs]
    assert {record["state"] for record in records} == {"passed"}
    assert 2 <= most_at_once(service.signs()) <= 4
    for number in range(3):
        ids = {record["event_id"] for record in records[number::3]}
        assert most_at_once([sign for sign in service.signs() if sign.event in ids]) <= 2


def test_of_a_project_the_first_come_is_the_first_served(service, event):
    """One place per project makes the order exact: two places are given at the same moment."""
    service = service(genexec_at_once=3, genexec_per_project=1)
    events = [event(NAP, project=f"project-{number % 3}") for number in range(15)]

    runs = service.post(events).json()["runs"]

    records = [service.wait_for(run) for run in runs]
    for number in range(3):
        own = [record["event_id"] for record in records[number::3]]
        signs = [(sign.what, sign.event) for sign in service.signs() if sign.event in own]
        started = [record["started_at"] for record in records[number::3]]
        assert signs == [(what, id_) for id_ in own for what in ("begin", "end")]
        assert started == sorted(set(started))


def test_a_project_with_much_to_do_leaves_places_to_another(service, event):
    service = service(genexec_at_once=3, genexec_per_project=2)
    busy = [event(NAP, project="busy") for _ in range(8)]
    service.post(busy)
    other = event(NAP, project="other")

    service.wait_for(service.send(other))

    ended = {sign.event for sign in service.signs() if sign.what == "end"}
    assert len(ended & {one["id"] for one in busy}) <= 4


@pytest.mark.promise("R9")
def test_more_than_the_queue_holds_is_refused_and_the_accepted_all_run(service, event):
    service = service(genexec_at_once=2, genexec_queue=6)
    events = [event(NAP) for _ in range(30)]

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(service.post, events))

    taken = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code != 202]
    runs = [answer.json()["runs"][0] for answer in taken]
    assert {service.wait_for(run)["state"] for run in runs} == {"passed"}
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {
        (429, "2")
    }
    assert 6 <= len(taken) <= 12
    assert len(service.signs()) == 2 * len(taken)
    assert len({sign.event for sign in service.signs()}) == len(taken)


def test_a_queue_that_was_full_takes_events_again(service, event, until):
    service = service(genexec_at_once=2, genexec_queue=2)
    for _ in range(2):
        service.send(event(NAP))
    refused = event(NAP)
    assert service.post(refused).status_code == 429

    until(lambda: service.post(refused).status_code == 202, seconds=5)

    (run,) = [run["id"] for run in service.runs() if run["event_id"] == refused["id"]]
    assert service.wait_for(run)["state"] == "passed"
