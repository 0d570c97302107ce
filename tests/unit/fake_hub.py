"""A hub on this machine that speaks as much of the real one's HTTP as fetching a model needs."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves folders as repositories, over HTTP on this machine.

    Attributes:
        cut_after: bytes after which the connection of a file is cut; None serves it whole.
        refused: whether files (not their descriptions) are answered with 503.
        ranges: (path, ``Range`` header) of each file that was asked for.
        tampered: names of files served with other content than described.
    """

    def __init__(self, repositories: dict[str, Path], licences: dict[str, dict[str, str]]) -> None:
        self.repositories = repositories
        self.licences = licences
        self.cut_after: int | None = None
        self.refused = False
        self.ranges: list[tuple[str, str | None]] = []
        self.tampered: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def described(self, repository: str) -> dict:
        folder = self.repositories[repository]
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return {
            "id": repository,
            "sha": COMMIT,
            "private": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "cardData": self.licences.get(repository, {}),
            "siblings": [self._sibling(folder, path) for path in files],
        }

    @staticmethod
    def _sibling(folder: Path, path: Path) -> dict:
        content = path.read_bytes()
        described = {"rfilename": path.relative_to(folder).as_posix(), "size": len(content)}
        described["blobId"] = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if path.suffix == ".safetensors":
            sha256 = hashlib.sha256(content).hexdigest()
            described["lfs"] = {"size": len(content), "sha256": sha256, "pointerSize": 135}
        return described


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> FakeHub:
        return self.server.hub

    def log_message(self, *_args):
        pass

    def do_HEAD(self):
        repository, _, rest = self.path.lstrip("/").partition("/resolve/")
        content, headers = self._file(repository, rest.partition("/")[2])
        self._head(200, headers, len(content))

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/"):
            self._describe(path.removeprefix("/api/models/"))
        else:
            repository, _, rest = path.lstrip("/").partition("/resolve/")
            self._serve(repository, rest.partition("/")[2])

    def _describe(self, repository):
        if repository not in self.hub.repositories:
            self._head(401, {"X-Error-Code": "RepoNotFound"}, 0)
            return
        content = json.dumps(self.hub.described(repository)).encode()
        self._head(200, {"Content-Type": "application/json"}, len(content))
        self.wfile.write(content)

    def _file(self, repository, name):
        content = (self.hub.repositories[repository] / name).read_bytes()
        etag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        return content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}

    def _serve(self, repository, name):
        content, headers = self._file(repository, name)
        asked = self.headers.get("Range")
        self.hub.ranges.append((name, asked))
        if self.hub.refused:
            self._head(503, {}, 0)
            return
        if name in self.hub.tampered:
            content = bytes(len(content))
        begin = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        rest = content[begin:]
        self._head(206 if asked else 200, headers, len(rest))
        cut = self.hub.cut_after is not None and len(rest) > self.hub.cut_after
        self.hub.refused = self.close_connection = cut
        self.wfile.write(rest[: self.hub.cut_after] if cut else rest)

    def _head(self, status, headers, size):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
