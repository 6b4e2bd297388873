"""Messages and descriptors between engine and runner arrive whole and in order."""

import os
import socket

import pytest

from service.engine.protocol import DEADLINE, EXIT, NOT_RUN, Channel, Ended, Start, Stop
from service.outcome import Ending


@pytest.fixture
def channels():
    pair = [Channel(end) for end in socket.socketpair()]
    yield pair
    for channel in pair:
        channel.close()


def start(**changes):
    fields = {
        "run": "r",
        "argv": ["/bin/true"],
        "environment": {},
        "cwd": "/",
        "timeout": 1.5,
        "grace": 1,
        "file_size": 0,
        "memory": 0,
        "processes": 0,
    }
    return Start(**(fields | changes))


def test_the_words_of_the_runner_are_endings():
    assert [EXIT, DEADLINE, NOT_RUN] == [Ending.EXIT, Ending.DEADLINE, Ending.NOT_RUN]


def test_a_large_message_arrives_in_pieces(channels):
    one, other = channels
    message = start(environment={"A": "ü\udcff\n" * 500_000})

    done = one.send(message)
    received = other.receive()
    while not received:
        done = one.flush()
        received = other.receive()

    assert done
    assert received == [(message, ())]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"A": ""},
        {"": "no name"},
        {"A": "1", "B": "\0", "C\0": "\ud800"},
        {"A": "ü\n", "B": "A"},
    ],
)
def test_variables_arrive_as_they_were(channels, variables):
    one, other = channels

    one.send(start(environment=variables))
    ((message, _),) = other.receive()

    assert dict(message.environment) == variables
    assert list(message.environment.keys()) == list(variables)
    assert list(message.environment.values()) == list(variables.values())


def test_descriptors_arrive_with_their_messages_and_close_themselves(channels):
    one, other = channels
    pipes = [os.pipe() for _ in range(2)]
    for reading, _ in pipes:
        os.set_blocking(reading, False)

    for number, (_, writing) in enumerate(pipes):
        one.send(start(run=str(number)), (writing,))
        one.send(Stop(str(number), "cancelled", 0))
    received = []
    while len(received) < 4:
        received += other.receive()

    for message, descriptors in received:
        for descriptor in descriptors:
            assert not os.get_inheritable(descriptor)
            os.write(descriptor, message.run.encode())
            os.close(descriptor)
    assert [os.read(reading, 9) for reading, _ in pipes] == [b"0", b"1"]
    assert [os.read(reading, 9) for reading, _ in pipes] == [b"", b""]
    for reading, _ in pipes:
        os.close(reading)


def test_the_end_of_the_other_end_is_told(channels):
    one, other = channels
    one.send(Ended("r", "exit", 0))
    one.close()

    assert other.receive() == [(Ended("r", "exit", 0), ())]
    with pytest.raises(ConnectionError, match="closed the connection"):
        other.receive()


@pytest.mark.parametrize(
    "frame", [b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\1x", b'\0\0\0\x0c["Stop",2,[]']
)
def test_what_is_no_message_ends_the_connection(frame):
    sender, receiver = socket.socketpair()
    channel = Channel(receiver)
    with sender:
        sender.sendall(frame + b"]")

        with pytest.raises(ConnectionError):
            channel.receive()
    channel.close()
