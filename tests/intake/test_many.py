"""Many requests at once, and many that are not quite right (rows IN-30 and IN-31)."""

import asyncio
from random import Random, SystemRandom

import pytest

from campaign.mutations import exchanges, is_wrong, mutated, request, status_of

MUTATIONS = 5000
DRAWN = 1500


@pytest.mark.promise("R9")
def test_of_500_events_at_once_those_beyond_the_queue_are_sent_back(start_server):
    server = start_server(queue=200)

    answers = asyncio.run(
        exchanges(server.port, [request(f"e-{n}") for n in range(500)], waits=20.0)
    )

    heads = [answer.partition(b"\r\n\r\n")[0] for answer in answers]
    taken = [head for head in heads if head.startswith(b"HTTP/1.1 202 ")]
    refused = [head for head in heads if head.startswith(b"HTTP/1.1 429 ")]
    assert (len(taken), len(refused)) == (200, 300)
    assert all(b"retry-after: 2" in head for head in refused)
    assert len(server.accepted()) == 200


@pytest.mark.promise("R8")
@pytest.mark.parametrize(
    ("seed", "count"),
    [(7, MUTATIONS), (SystemRandom().randrange(10**6), DRAWN)],
    ids=["always the same", "drawn anew"],
)
def test_mutated_requests_cause_no_server_error_no_restart_and_no_trace(
    start_server, wait_for, seed, count
):
    server = start_server(body_timeout=1.0, header_timeout=1.0)
    wait_for(server.worker)
    worker = server.worker()
    random = Random(seed)

    answers = asyncio.run(exchanges(server.port, [mutated(random, n) for n in range(count)]))

    statuses = {status_of(answer) for answer in answers}
    assert {b"202", b"400"} <= statuses, f"seed {seed}"
    assert [answer for answer in answers if is_wrong(answer)] == [], f"seed {seed}"
    assert server.worker() == worker, f"seed {seed}"
    assert [record for record in server.log() if record["trace"]] == [], f"seed {seed}"
    assert [record for record in server.log() if record["level"] != "INFO"] == [], f"seed {seed}"
