"""A small service that answers, refuses or hangs in the place of Weights & Biases."""

import contextlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# what the client reads of an artifact that it has sent
PROJECT = {"id": "p", "internalId": "p", "name": "project", "entity": {"name": "someone"}}
COLLECTION = {"__typename": "ArtifactSequence", "name": "example", "project": PROJECT}
ARTIFACT = {
    "__typename": "Artifact", "id": "QQ==", "artifactSequence": COLLECTION, "versionIndex": 0,
    "artifactType": {"name": "dataset"}, "description": None, "metadata": "{}", "aliases": [],
    "ttlDurationSeconds": -1, "ttlIsInherited": True, "tags": [], "historyStep": None,
    "state": "COMMITTED", "size": 1, "digest": "d", "commitHash": "c", "fileCount": 1,
    "createdAt": "2026-01-01T00:00:00Z", "updatedAt": None,
}  # fmt: skip


class Service:
    """Answers what the client asks of Weights & Biases, and keeps it.

    Args:
        after_start: what it does once a run has begun: "answer", "refuse" connections, or "hang"
            (say nothing).
    """

    def __init__(self, after_start="answer"):
        self.state, self.after_start = "answer", after_start
        self.begun, self.artifacts, self.used, self.uploads = [], [], [], {}
        self.history, self.summary, self.ended = [], {}, threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.answer({})

            def do_PUT(self):
                service.uploads[self.path] = self.content()
                self.answer({})

            def do_POST(self):
                content = json.loads(self.content() or "{}")
                if self.path != "/graphql":
                    service.take(content)
                    return self.answer({})
                name = re.match(r"\s*(?:query|mutation)\s+(\w+)", content["query"])[1]
                self.answer({"data": service.data(name, content.get("variables") or {})})
                if name == "UpsertBucket" and service.after_start == "refuse":
                    service.stop()
                elif name == "UpsertBucket":
                    service.state = service.after_start

            def content(self):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def answer(self, content):
                while service.state == "hang":
                    time.sleep(0.05)
                if service.state == "refuse":
                    self.close_connection = True
                    return
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self):
                with contextlib.suppress(OSError):  # the client has gone
                    super().handle()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, stream):
        files = stream.get("files", {})
        for line in files.get("wandb-history.jsonl", {}).get("content", ()):
            self.history.append(json.loads(line))
        for line in files.get("wandb-summary.json", {}).get("content", ()):
            self.summary |= json.loads(line)
        if stream.get("complete"):
            self.ended.set()

    def data(self, name, variables):
        upload = {"uploadHeaders": []}
        manifest = {"id": "m", "file": {"uploadUrl": f"{self.url}/manifest", **upload}}
        if name == "RunResumeStatus":
            known = any(begun["name"] == variables["name"] for begun in self.begun)
            return {"model": {"bucket": self.status(variables["name"]) if known else None}}
        if name == "UpsertBucket":
            self.begun.append(variables)
            bucket = {
                "id": "r",
                "name": variables["name"],
                "project": PROJECT,
                "historyLineCount": 0,
            }
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if name == "CreateArtifact":
            self.artifacts.append(variables["input"])
            return {
                "createArtifact": {
                    "artifact": {"id": "QQ==", "state": "PENDING", "artifactSequence": {"id": "s"}}
                }
            }
        if name == "UseArtifact":
            self.used.append(variables["input"])
            return {"useArtifact": {"artifact": {"id": "QQ=="}}}
        if name == "CreateArtifactFiles":
            names = [file["name"] for file in variables["input"]["artifactFiles"]]
            nodes = [
                {
                    "name": file,
                    "artifact": {"id": "QQ=="},
                    "uploadUrl": f"{self.url}/artifact/{file}",
                    **upload,
                }
                for file in names
            ]
            return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}
        if name == "CreateRunFiles":
            files = [
                {"name": file, "uploadUrl": f"{self.url}/run/{file}"} for file in variables["files"]
            ]
            return {"createRunFiles": {"runID": "r", "files": files, **upload}}
        return {
            "Viewer": {
                "viewer": {"id": "u", "entity": "someone", "username": "someone", "flags": "{}"}
            },
            "ServerFeaturesQuery": {"serverInfo": {"features": []}},
            "CreateArtifactManifest": {"createArtifactManifest": {"artifactManifest": manifest}},
            "UpdateArtifactManifest": {"updateArtifactManifest": {"artifactManifest": manifest}},
            "CommitArtifact": {"commitArtifact": {"artifact": {"id": "QQ==", "digest": "d"}}},
            "ArtifactByID": {"artifact": ARTIFACT},
            "ArtifactType": {"project": None},
            "OrganizationCoreWeaveOrganizationID": {"entity": None},
        }[name]

    def status(self, name):
        """What a run that is taken up asks for: how much of it has arrived."""
        last = json.dumps([json.dumps(row) for row in self.history[-1:]])
        lines = {"historyLineCount": len(self.history), "eventsLineCount": 0, "logLineCount": 0}
        tails = {
            "historyTail": last,
            "eventsTail": "[]",
            "summaryMetrics": json.dumps(self.summary),
        }
        begun = {
            "id": "r",
            "name": name,
            "displayName": name,
            "config": "{}",
            "wandbConfig": '{"t": 1}',
        }
        return begun | lines | tails

    def stop(self):
        """Refuse connections from now on, and close those that are open."""
        self.state = "refuse"
        self.server.shutdown()
        self.server.server_close()
