"""The status page's options: where it listens, which secret it has, and what is printed about it."""

from __future__ import annotations

import argparse

import pytest

from mirrorfx.cli._status import add_status_option, status_lines, status_settings
from mirrorfx.errors import InvalidValue
from mirrorfx.mirror import Mirror
from mirrorfx.processes.settings import MirrorSettings


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("MIRRORFX_STATUS_TOKEN", raising=False)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_status_option(parser.add_argument_group("it"))
    return status_settings(parser.parse_args(words))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8080", "127.0.0.1", 8080),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("[::1]:9", "::1", 9),
        ("wall:0", "wall", 0),
    ],
)
def test_a_port_or_an_address_and_a_port(text, host, port):
    told = parsed("--status-page", text)
    assert (told["status_host"], told["status_port"]) == (host, port)


@pytest.mark.parametrize("text", ["", "here", "0.0.0.0:", ":8080", "0.0.0.0:web", "-1"])
def test_what_is_no_port_is_named(text):
    with pytest.raises(InvalidValue, match="--status-page"):
        parsed(f"--status-page={text}")


def test_without_the_option_it_listens_on_this_machine_only_beside_a_control_server():
    assert "status_host" not in parsed()
    assert Mirror(source="pattern", effect="sleep", workers=1).settings.status_port is None
    settings = Mirror(source="pattern", effect="sleep", workers=1, control_port=0).settings
    assert settings.status_host == "127.0.0.1"
    assert settings.status_port != settings.control_port
    assert len(settings.status_token) > 15
    assert settings.status_token != settings.control_token, "who may look on may not do everything"


def test_the_option_alone_brings_the_control_server_that_it_needs():
    assert Mirror(source="pattern", effect="sleep", workers=1, status_port=0).settings.control_port


def test_a_secret_of_ones_own_stays_and_must_be_long(monkeypatch):
    monkeypatch.setenv("MIRRORFX_STATUS_TOKEN", "a-long-enough-secret")
    told = parsed("--status-page", "0")
    assert Mirror(source="pattern", effect="sleep", workers=1, **told).settings.status_token == "a-long-enough-secret"
    with pytest.raises(InvalidValue, match="4 characters"):
        Mirror(source="pattern", effect="sleep", workers=1, status_port=0, status_token="1234")


def test_a_port_that_cannot_be_is_refused():
    with pytest.raises(InvalidValue, match="70000"):
        Mirror(source="pattern", effect="sleep", workers=1, status_port=70000)


def test_what_is_printed():
    assert status_lines(MirrorSettings()) == []
    assert status_lines(MirrorSettings(status_port=8, status_token="t")) == ["Status page: http://127.0.0.1:8/?token=t"]
    six, _ = status_lines(MirrorSettings(status_host="fe80::1", status_port=8, status_token="t"))
    assert six == "Status page: http://[fe80::1]:8/?token=t"
    url, warning = status_lines(MirrorSettings(status_host="0.0.0.0", status_port=8, status_token="t"))
    assert "0.0.0.0" not in url
    assert url.endswith(":8/?token=t")
    assert "not encrypted" in warning
