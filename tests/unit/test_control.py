"""The control protocol without an engine: a server whose requests the test answers."""

from __future__ import annotations

import threading

import pytest

from mirrorfx.control.client import ControlClient
from mirrorfx.control.protocol import Event, Reply, Request, decode_reply_or_event, decode_request, encode
from mirrorfx.control.server import ControlServer
from mirrorfx.errors import ControlError


@pytest.fixture
def server():
    made = ControlServer()
    made.start()
    yield made
    made.close()


class Engine:
    """Answers requests in a thread of its own, as the engine's loop does."""

    def __init__(self, server, answer):
        self._server, self._answer = server, answer
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._ending.wait(0.005):
            for pending in self._server.requests():
                try:
                    pending.answer(self._answer(pending.request))
                except ControlError as error:
                    pending.refuse(str(error))

    def close(self):
        self._ending.set()
        self._thread.join()


@pytest.fixture
def engine(server):
    def answer(request):
        if request.do == "refuse":
            raise ControlError("Not now; try again in a moment.")
        return {"did": request.do, "with": request.arguments}

    made = Engine(server, answer)
    yield made
    made.close()


def test_messages_come_back_as_they_went():
    request = Request(3, "set", {"params": {"strength": 0.5}})
    assert decode_request(encode(request)) == request
    for message in (Reply(3, True, {"a": 1}), Reply(3, False, error="no"), Event("figures", {"fps": 27.0})):
        assert decode_reply_or_event(encode(message)) == message


@pytest.mark.parametrize("text", ["", "{", "[]", '{"do": "set"}', '{"id": "one", "do": "set"}', "null"])
def test_what_is_no_request_is_refused(text):
    with pytest.raises(ControlError, match="no request"):
        decode_request(text)


@pytest.mark.parametrize("text", ["", "7", '{"id": 1}', '{"event": 3}'])
def test_what_no_engine_says_is_an_error(text):
    with pytest.raises(ControlError, match="does not understand"):
        decode_reply_or_event(text)


def test_a_request_gets_its_answer_and_a_refusal_its_reason(server, engine):
    with ControlClient(server.url) as client:
        assert client.ask("hello", a=1) == {"did": "hello", "with": {"a": 1}}
        with pytest.raises(ControlError, match="try again in a moment"):
            client.ask("refuse")


def test_a_late_client_is_told_the_latest_state_and_all_hear_news(server, engine):
    server.publish("state", {"n": 1})
    server.publish("state", {"n": 2})
    server.publish("notice", {"text": "gone"}, keep=False)
    heard, news = [], threading.Event()

    def on_event(event):
        heard.append(event)
        if event.event == "figures":
            news.set()

    with ControlClient(server.url, on_event) as client:
        client.ask("hello")
        server.publish("figures", {"fps": 25.0})
        assert news.wait(5)
    assert heard == [Event("state", {"n": 2}), Event("figures", {"fps": 25.0})]


def test_what_is_not_understood_does_not_end_the_talk(server, engine):
    heard = []
    with ControlClient(server.url, heard.append) as client:
        client._hear("not json")
        assert client.ask("hello")["did"] == "hello"


def test_a_port_that_is_taken_is_said(server):
    with pytest.raises(ControlError, match=f"port {server.port}"):
        ControlServer(server.port).start()


def test_with_no_engine_a_client_says_so_and_does_not_wait():
    client = ControlClient("ws://127.0.0.1:9/control?token=x")
    client.start()
    with pytest.raises(ControlError, match="No engine is connected"):
        client.ask("hello")
    client.close()
    client.close()
