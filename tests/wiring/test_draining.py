"""Whether the service is shutting down, as its web process asks."""

import asyncio
import os

import pytest

from service.wiring.draining import Draining, DrainingLoop


@pytest.fixture
def descriptor():
    number = os.eventfd(0, os.EFD_NONBLOCK)
    yield number
    os.close(number)


def test_it_drains_once_the_descriptor_can_be_read(descriptor):
    draining = Draining(descriptor)
    before = draining()

    os.eventfd_write(descriptor, 1)

    assert (before, draining(), draining()) == (False, True, True)


def test_a_loop_sees_it_and_goes_on_seeing_it(descriptor):
    async def ask():
        draining = DrainingLoop(Draining(descriptor), descriptor)
        before = draining()
        os.eventfd_write(descriptor, 1)
        await asyncio.sleep(0.01)
        return before, draining(), draining()

    assert asyncio.run(ask()) == (False, True, True)


def test_a_loop_that_asks_late_is_told_at_once(descriptor):
    async def ask():
        return DrainingLoop(Draining(descriptor), descriptor)()

    os.eventfd_write(descriptor, 1)

    assert asyncio.run(ask())
