"""Channels: order kept, nothing blocks, and a dead end is noticed."""

from __future__ import annotations

import multiprocessing

import pytest

from mirrorfx.processes.channel import Channel, Poller
from mirrorfx.processes.messages import Captured, EngineLink, Grant, Say, Stop, Vsync


@pytest.fixture
def ends():
    ours, theirs = multiprocessing.Pipe(duplex=True)
    left, right = Channel(ours), Channel(theirs)
    yield left, right
    left.close()
    right.close()


def test_messages_come_in_order_many_at_once(ends):
    left, right = ends
    sent = [Captured(n, n, n, n) for n in range(50)]
    for message in sent:
        left.send(message)
    assert right.receive_all() == sent
    assert right.receive_all() == []
    right.send(Stop())
    assert left.receive_all() == [Stop()]


def test_sending_to_somebody_who_does_not_read_never_blocks_and_loses_no_order(ends):
    left, right = ends
    for number in range(20_000):
        left.send(Vsync(number, 0))
    assert left.backlog > 0
    assert not left.offer(Stop()), "an offer is for who keeps up"
    received = []
    while len(received) < 20_000:
        received += right.receive_all()
        left.flush()
    assert [message.t_ns for message in received] == list(range(20_000))
    assert left.backlog == 0


def test_a_large_message_arrives_in_pieces(ends):
    left, right = ends
    left.send(Say(b"x" * 700_000))
    received = []
    for _ in range(1000):
        received += right.receive_all()
        left.flush()
        if received:
            break
    assert received == [Say(b"x" * 700_000)]


def test_the_last_words_of_a_dead_process_are_heard(ends):
    left, right = ends
    left.send(Stop())
    left.close()
    assert right.receive_all() == [Stop()]
    right.receive_all()
    assert not right.alive
    right.send(Stop())
    assert right.receive_all() == []


def test_a_dead_end_is_noticed_when_sending(ends):
    left, right = ends
    right.close()
    for _ in range(3):
        left.send(Stop())
    assert not left.alive
    assert left.backlog < 100


def test_the_end_of_another_channel_can_be_handed_over(ends):
    left, right = ends
    here, there = multiprocessing.Pipe(duplex=True)
    left.send(Stop())
    left.send(EngineLink(1), end=there)
    left.send(Grant(b"\x04"))
    there.close()
    received = []
    while len(received) < 3:
        received += right.receive_all()
    assert received == [Stop(), EngineLink(1), Grant(b"\x04")]
    handed, mine = Channel(right.take_end()), Channel(here)
    handed.send(Grant(b"\x09"))
    assert mine.receive_all() == [Grant(b"\x09")]
    handed.close()
    mine.close()


def test_a_poller_names_who_is_ready(ends):
    left, right = ends
    poller = Poller()
    poller.add(left.connection, "left")
    poller.add(right.connection, "right")
    assert poller.wait(0) == []
    left.send(Stop())
    assert poller.wait(1_000_000_000) == ["right"]
    right.receive_all()
    poller.discard(right.connection)
    left.send(Stop())
    assert poller.wait(0) == []
    poller.discard(right.connection)
    poller.close()
