"""Where a mirror listens: the options that `run` and `kiosk` have in common, and whether it can."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Any

from mirrorfx.errors import InvalidValue

if TYPE_CHECKING:
    import argparse

    from mirrorfx.processes.settings import MirrorSettings

__all__ = ["STATUS_TOKEN", "add_status_option", "check_ports", "status_lines", "status_settings"]

STATUS_TOKEN = "MIRRORFX_STATUS_TOKEN"
_LOOPBACK = "127.0.0.1"


def add_status_option(group: argparse._ArgumentGroup) -> None:
    """Add ``--status-page``."""
    group.add_argument(
        "--status-page",
        metavar="[HOST:]PORT",
        help="picture, figures and panic keys for a phone; 0.0.0.0:8080 for the whole network, else this machine "
        f"only. The address has a secret, a new one each time unless {STATUS_TOKEN} holds one",
    )


def status_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of `MirrorSettings` about the status page.

    Raises:
        InvalidValue: the option is not understood.
    """
    token = os.environ.get(STATUS_TOKEN, "")
    if args.status_page is None:
        return {"status_token": token}
    host, colon, port = args.status_page.rpartition(":")
    if not port.isdigit() or (colon and not host):
        raise InvalidValue(
            f"--status-page {args.status_page!r} is not understood: write a port, such as 8080, or an address of this "
            "machine and a port, such as 0.0.0.0:8080."
        )
    return {"status_host": host.strip("[]") or _LOOPBACK, "status_port": int(port), "status_token": token}


def check_ports(args: argparse.Namespace) -> None:
    """Listen for a moment where the mirror will: processes that can't would be started again and again.

    Raises:
        InvalidValue: another program listens there, or the address is none of this machine's.
    """
    if args.control_port:
        _check_port("--control-port", _LOOPBACK, args.control_port)
    if args.status_page is not None:
        settings = status_settings(args)
        _check_port("--status-page", settings["status_host"], settings["status_port"])


def _check_port(option: str, host: str, port: int) -> None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[:2], family=family).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidValue(
            f"{option}: nothing can listen on {host}:{port} ({reason}). Choose another port, an address of this "
            "machine, or end what listens there: another mirror, perhaps."
        ) from error


def status_lines(settings: MirrorSettings) -> list[str]:
    """Return what to print about the status page: where it is."""
    if settings.status_port is None:
        return []
    url = settings.status_url
    if settings.status_host in ("0.0.0.0", "::"):
        url = url.replace(_LOOPBACK, _own_address(), 1)
    lines = [f"Status page: {url}"]
    if not _is_loopback(settings.status_host):
        lines.append("Whoever has this address sees the picture and can press the panic keys. It is not encrypted.")
    return lines


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_address() -> str:
    """Return the address that others of the network reach this machine by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks the system which way it would go
            address: str = probe.getsockname()[0]
        except OSError:
            return socket.gethostname()
    return address
