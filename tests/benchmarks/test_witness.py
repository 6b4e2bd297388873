"""The checker of the benchmark, fed with witnesses that are false in one thing each."""

import pytest

from benchmarks.witness import (
    NotDelivered,
    Seen,
    broken,
    insist_on_delivery,
    quantile,
    rate_of,
    read_witness,
    waits,
)

TRUE = [
    Seen(0, "p", 1, 0),
    Seen(10, "p", 2, 0),
    Seen(20, "a", 1, 202),
    Seen(30, "s", 1, 0),
    Seen(40, "s", 2, 0),
    Seen(50, "a", 2, 202),
    Seen(60, "f", 1, 0),
    Seen(80, "f", 2, 0),
]


def test_a_true_witness_passes():
    assert broken(TRUE) == []


@pytest.mark.parametrize(
    ("missing", "fault"),
    [(2, "acceptance is lost"), (3, "started is lost"), (6, "finished is lost")],
)
def test_a_lost_answer_is_noticed(missing, fault):
    seen = TRUE[:missing] + TRUE[missing + 1 :]

    assert f"1 events: {fault}, such as 1" in broken(seen)


@pytest.mark.parametrize(
    ("doubled", "fault"),
    [(2, "acceptance came twice"), (3, "started came twice"), (6, "finished came twice")],
)
def test_a_doubled_answer_is_noticed(doubled, fault):
    assert broken([*TRUE, TRUE[doubled]]) == [f"1 events: {fault}, such as 1"]


def test_finished_before_started_is_noticed():
    seen = [*TRUE]
    seen[3], seen[6] = seen[6], seen[3]

    assert broken(seen) == ["1 events: finished came before started, such as 1"]


def test_an_answer_to_an_event_that_nobody_sent_is_noticed():
    assert "1 events: an answer to nothing that was sent, such as 7" in broken(
        [*TRUE, Seen(90, "f", 7, 0)]
    )


def test_a_run_that_did_not_pass_is_noticed():
    seen = [*TRUE[:6], Seen(60, "F", 1, 0), TRUE[7]]

    assert "1 events: finished otherwise than with pass, such as 1" in broken(seen)


def test_another_status_than_202_is_noticed():
    seen = [*TRUE[:2], Seen(20, "a", 1, 429), *TRUE[3:]]

    assert "1 events: answered with 429, such as 1" in broken(seen)


def test_an_event_of_another_kind_at_the_sink_is_noticed():
    assert "1 events: strange, such as 2" in broken([*TRUE, Seen(90, "o", 2, 0)])


def test_answers_may_be_missing_when_they_were_not_waited_for():
    assert broken(TRUE[:7], whole=False) == []


def test_an_acceptance_may_never_be_missing():
    assert broken([TRUE[0]], whole=False) == ["1 events: acceptance is lost, such as 1"]


def test_a_fault_voids_the_figures():
    with pytest.raises(NotDelivered, match="finished is lost"):
        insist_on_delivery(TRUE[:-1])


def test_a_witness_file_is_read_line_by_line(tmp_path):
    file = tmp_path / "witness"
    file.write_text("10 p 3 0\n25 a 3 202\n", encoding="ascii")

    assert read_witness(file) == [Seen(10, "p", 3, 0), Seen(25, "a", 3, 202)]


def test_a_rate_counts_what_came_while_events_were_sent():
    sent = [Seen(n * 1000, "p", n, 0) for n in range(1001)]
    came = [Seen(n * 1000 + 500, "f", n, 0) for n in range(1001)]

    assert rate_of([*sent, *came], "f", warm=0.5) == pytest.approx(1000)


def test_a_rate_of_few_is_counted_to_the_last_of_them():
    assert rate_of(TRUE, "f") == pytest.approx(2 / 80e-6)


def test_waits_are_counted_from_the_sending():
    assert waits(TRUE, "f") == [60, 70]


@pytest.mark.parametrize(("share", "value"), [(0.5, 3), (0.99, 4)])
def test_a_quantile_is_a_value_that_was_measured(share, value):
    assert quantile([1, 2, 3, 4], share) == value
