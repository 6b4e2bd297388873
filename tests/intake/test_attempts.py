"""Who guesses is told to wait, and only they."""

from service.intake.attempts import WrongAttempts


def test_a_hundred_wrong_attempts_at_once_are_borne_and_no_more():
    attempts = WrongAttempts()

    told = [attempts.too_many("192.0.2.1", now=5.0) for _ in range(1000)]

    assert told == [False] * 100 + [True] * 900


def test_other_peers_are_not_touched():
    attempts = WrongAttempts()
    for _ in range(1000):
        attempts.too_many("192.0.2.1", now=5.0)

    assert not attempts.too_many("192.0.2.2", now=5.0)


def test_after_the_window_everything_is_forgotten():
    attempts = WrongAttempts()
    for _ in range(1000):
        attempts.too_many("192.0.2.1", now=5.0)

    assert attempts.too_many("192.0.2.1", now=5.01)
    assert not attempts.too_many("192.0.2.1", now=15.1)


def test_a_steady_trickle_is_borne():
    attempts = WrongAttempts()

    assert not any(attempts.too_many("192.0.2.1", now=n * 0.101) for n in range(5000))


def test_addresses_of_one_ipv6_network_count_together():
    attempts = WrongAttempts()
    for number in range(100):
        attempts.too_many(f"2001:db8:1:2::{number:x}", now=5.0)

    assert attempts.too_many("2001:db8:1:2:ffff::1", now=5.0)
    assert not attempts.too_many("2001:db8:1:3::1", now=5.0)


def test_ipv4_inside_ipv6_counts_as_ipv4():
    attempts = WrongAttempts()
    for _ in range(100):
        attempts.too_many("192.0.2.1", now=5.0)

    assert attempts.too_many("::ffff:192.0.2.1", now=5.0)


def test_only_so_many_peers_are_remembered():
    attempts = WrongAttempts()
    for number in range(10_050):
        attempts.too_many(f"peer-{number}", now=5.0)

    assert len(attempts._counts) == 10_000
