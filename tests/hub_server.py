"""A hub on this machine, which speaks as much of its protocol as fetching and publishing need."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlparse


@dataclass
class Hub:
    """The models that it has: the files of each commit, and which is the newest."""

    url: str = ""
    models: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    page: bytes | None = None  # what answers everything instead, as a network's log-in page does
    seconds: float = 0.0  # before the weights are sent

    def commit(self, name: str, files: dict[str, bytes]) -> str:
        """Adds a commit and returns its name."""
        joined = b"".join(key.encode() + value for key, value in sorted(files.items()))
        commit = hashlib.sha1(joined).hexdigest()
        self.models.setdefault(name, {})[commit] = files
        self.newest[name] = commit
        return commit

    def resolve(self, name: str, revision: str) -> str | None:
        """Returns the commit of a revision, if there is one."""
        revision = self.newest.get(name, "") if revision == "main" else revision
        return revision if revision in self.models.get(name, {}) else None


class Handler(BaseHTTPRequestHandler):
    """Answers of a hub, which a subclass names."""

    hub: Hub

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def say(self, value: object) -> None:
        self.answer(json.dumps(value).encode(), Content_Type="application/json")

    def refuse(self, code: str, status: int = 404) -> None:
        self.answer(b"{}", status, X_Error_Code=code, X_Error_Message=code)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = unquote(urlparse(self.path).path).strip("/").split("/")
        self.hub.asked.append(self.path)
        if self.hub.page is not None:
            return self.answer(self.hub.page, Content_Type="text/html")
        name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
        if name not in self.hub.models:
            return self.refuse("RepoNotFound")
        if parts[0] != "api":
            return self.file(name, parts[3], "/".join(parts[4:]))
        revision = parts[5] if len(parts) > 5 else "main"
        commit = self.hub.resolve(name, revision)
        if commit is None:
            return self.refuse("RevisionNotFound")
        files = self.hub.models[name][commit]
        if "tree" in parts:
            rows = [("file", path, len(value)) for path, value in files.items()]
            keys = ("type", "path", "size")
            return self.say([{**dict(zip(keys, row, strict=True)), "oid": "0"} for row in rows])
        siblings = [{"rfilename": path} for path in files]
        return self.say({"id": name, "sha": commit, "siblings": siblings, "private": False})

    def file(self, name: str, revision: str, path: str) -> None:
        commit = self.hub.resolve(name, revision)
        content = None if commit is None else self.hub.models[name][commit].get(path)
        if content is None:
            return self.refuse("EntryNotFound")
        if path == "model.safetensors" and self.command == "GET":
            time.sleep(self.hub.seconds)
        tag = hashlib.sha1(content).hexdigest()
        return self.answer(content, ETag=f'"{tag}"', X_Repo_Commit=str(commit))

    def do_POST(self) -> None:
        self.hub.asked.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = unquote(urlparse(self.path).path).strip("/").split("/")
        if parts[-1] == "create":
            given = json.loads(body)
            name = f"{given.get('organization')}/{given['name']}"
            if name not in self.hub.models:
                self.hub.commit(name, {".gitattributes": b""})
            return self.say({"url": f"{self.hub.url}/{name}"})
        if parts[-1] == "validate-yaml":
            return self.say({"errors": [], "warnings": []})
        name = "/".join(parts[2:4])
        if "preupload" in parts:
            files = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                for one in json.loads(body)["files"]
            ]
            return self.say({"files": files})
        lines = [json.loads(line) for line in body.splitlines()]
        added = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        gone = {line["value"]["path"] for line in lines if line["key"] == "deletedFile"}
        before = self.hub.models[name].get(self.hub.newest.get(name, ""), {})
        kept = {path: value for path, value in before.items() if path not in gone}
        commit = self.hub.commit(name, {**kept, **added})  # as git has it: the rest stays
        return self.say(
            {
                "success": True,
                "commitOid": commit,
                "commitUrl": f"{self.hub.url}/{name}/commit/{commit}",
            }
        )

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hub_here() -> Iterator[Hub]:
    """Yields a running hub without models."""
    hub = Hub()

    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
