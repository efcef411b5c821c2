"""
An Azure OpenAI account on this machine: deployments as its control plane keeps them, and files,
jobs and answers at its v1 endpoint. What is tuned and what answers is our own fine-tuning service
behind it, seen through Azure's quirks: files begin with a byte-order mark, jobs begin as
``pending``, much is null.

Strict about paths, ``api-version``, credentials and bodies, as far as the public reference and
Azure's own client say. Azure itself cannot exist here.
"""

import contextlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy

from bot.training.azure_deployments import AzureAccount, AzureDeployments, Principal, control_plane

ACCOUNT = AzureAccount("sub-1", "group-1", "account-1")
PLACE = (
    "/subscriptions/sub-1/resourceGroups/group-1/providers/Microsoft.CognitiveServices"
    "/accounts/account-1/deployments/"
)
TOKEN = "made-up-token"
V1 = "/openai/v1/"
MARK = "\ufeff".encode()


class Bearer(SansIOHTTPPolicy):
    """Azure's own policy refuses to send a token over plain HTTP, even to this machine."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {TOKEN}"


class NoCredential:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        raise AssertionError("The test's own policy signs.")


@dataclass
class FakeAccount:
    """``looks_until_ready`` is how often a new deployment is shown as coming."""

    service_url: str
    looks_until_ready: int = 1
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    #: What the region tunes; empty: it does not say.
    tunable: tuple[str, ...] = ()
    #: The bodies of what was asked to be tuned.
    jobs: list[dict[str, Any]] = field(default_factory=list)
    #: Status, body and headers of the next answers of the control plane.
    faults: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    @property
    def endpoint(self) -> str:
        """What AZURE_ENDPOINT would be."""
        return self.url

    def deployer(self, account: AzureAccount = ACCOUNT) -> AzureDeployments:
        client = control_plane(
            account,
            Principal(),
            credential=NoCredential(),
            base_url=self.url,
            authentication_policy=Bearer(),
        )
        return AzureDeployments(account, client)

    def refuse(self, status: int, code: str, message: str = "", **headers: str) -> None:
        self.faults.append((status, {"error": {"code": code, "message": message}}, headers))

    def shown(self, name: str) -> dict[str, Any]:
        kept = self.deployments[name]
        if kept["looks"] > 0:
            kept["looks"] -= 1
            state = "Creating"
        else:
            state = kept.get("state", "Succeeded")
        return {
            "id": PLACE + name,
            "name": name,
            "sku": kept["body"]["sku"],
            "properties": kept["body"]["properties"] | {"provisioningState": state},
        }


class _Handler(BaseHTTPRequestHandler):
    account: FakeAccount

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""

    def _answer(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        is_text = isinstance(body, str)
        content = body.encode() if is_text else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if is_text else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _name(self) -> str | None:
        """The deployment asked for; answers by itself what is not one."""
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        if self.account.faults:
            self._answer(*self.account.faults.pop(0))
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._error(401, "InvalidAuthenticationToken")
        elif "api-version" not in parse_qs(address.query):
            self._error(400, "MissingApiVersionParameter")
        elif not address.path.startswith(PLACE):
            self._error(404, "ParentResourceNotFound")
        else:
            return address.path.removeprefix(PLACE)
        return None

    def _error(self, status: int, code: str) -> None:
        self._answer(status, {"error": {"code": code, "message": f"{code}."}})

    def do_GET(self) -> None:
        if self.path.startswith(V1):
            self._pass_on()
            return
        if (name := self._name()) is None:
            return
        if name not in self.account.deployments:
            self._error(404, "ResourceNotFound")
        else:
            self._answer(200, self.account.shown(name))

    def do_PUT(self) -> None:
        if (name := self._name()) is None:
            return
        body = json.loads(self._body)
        model = body["properties"]["model"]
        assert model["format"] == "OpenAI"
        assert model["version"] == "1"
        assert body["sku"]["name"] in ("standard", "developertier")
        assert body["sku"]["capacity"] > 0
        self.account.created.append(name)
        looks = self.account.looks_until_ready
        self.account.deployments[name] = {"body": body, "looks": looks}
        where = f"{self.account.url}{PLACE}{name}?api-version=1"
        self._answer(201, self.account.shown(name), {"Azure-AsyncOperation": where})

    def do_DELETE(self) -> None:
        if self.path.startswith(V1):
            self._pass_on()
            return
        if (name := self._name()) is None:
            return
        self.account.removed.append(name)
        self.account.deployments.pop(name, None)
        self._answer(202)

    def do_POST(self) -> None:
        if self.path == f"{V1}chat/completions":
            self._chat()
        else:
            self._pass_on()

    def _pass_on(self) -> None:
        """Files, jobs and models, as Azure's v1 endpoint takes and shows them."""
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix(V1.rstrip("/"))
        if self.command == "GET" and path == "/models" and self.account.tunable:
            models = [
                {"id": name, "object": "model", "capabilities": {"fine_tune": True}}
                for name in self.account.tunable
            ]
            self._answer(200, {"object": "list", "data": models})
            return
        if self.command == "GET" and path.startswith("/models/"):
            self._error(404, "ModelNotFound")
            return
        if self.command == "POST" and path == "/files" and MARK not in content:
            self._error(400, "invalidPayload")
            return
        if self.command == "POST" and path == "/fine_tuning/jobs":
            body = json.loads(content)
            self.account.jobs.append(body)
            if "metadata" in body or "trainingType" not in body or len(body["suffix"]) > 18:
                self._error(400, "invalidPayload")
                return
        kind = self.headers.get("Content-Type") or "application/json"
        status, answer = self._ask(path, content or None, kind)
        with contextlib.suppress(ValueError):
            self._answer(status, _as_azure_shows(json.loads(answer)))
            return
        self._answer(status, answer.decode())

    def _ask(self, path: str, content: bytes | None, kind: str) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.account.service_url.rstrip("/") + path,
            content,
            {"Content-Type": kind, "Authorization": self.headers["Authorization"]},
            method=self.command,
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def _chat(self) -> None:
        """Answer under a deployment's name, by the model that it has."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self.account.deployments.get(body["model"])
        if found is None:
            self._error(404, "DeploymentNotFound")
            return
        body["model"] = found["body"]["properties"]["model"]["name"]
        asked = json.dumps(body).encode()
        status, answer = self._ask("/chat/completions", asked, "application/json")
        self._answer(status, json.loads(answer))


def _as_azure_shows(answer: Any) -> Any:
    """A job of ours with Azure's states and gaps; anything else as it is."""
    if isinstance(answer, dict) and answer.get("object") == "list":
        return answer | {"data": [_as_azure_shows(one) for one in answer["data"]]}
    if not isinstance(answer, dict) or answer.get("object") != "fine_tuning.job":
        return answer
    is_early = answer["status"] in ("validating_files", "queued")
    shown = {name: value for name, value in answer.items() if name not in ("metadata", "seed")}
    gaps = dict.fromkeys(("organization_id", "error", "estimated_finish", "method"))
    gaps |= {"hyperparameters": {"n_epochs": -1, "batch_size": -1, "learning_rate_multiplier": 1}}
    if answer["status"] == "failed":
        gaps.pop("error")
    if answer["status"] != "succeeded":
        gaps |= {"result_files": None, "trained_tokens": None}
    return shown | gaps | {"status": "pending" if is_early else answer["status"]}


@contextlib.contextmanager
def azure_account(service_url: str, **options: Any) -> Iterator[FakeAccount]:
    account = FakeAccount(service_url, **options)
    handler = type("Handler", (_Handler,), {"account": account})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    account.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
