"""
An Azure OpenAI account on this machine: deployments as its control plane keeps them, and answers
under their names. What is tuned and what answers is our own fine-tuning service behind it.

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
    #: Status, body and headers of the next answers of the control plane.
    faults: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    url: str = ""

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
        if (name := self._name()) is None:
            return
        self.account.removed.append(name)
        self.account.deployments.pop(name, None)
        self._answer(202)

    def do_POST(self) -> None:
        """Answer under a deployment's name, by the model that it has."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self.account.deployments.get(body["model"])
        if found is None:
            self._error(404, "DeploymentNotFound")
            return
        body["model"] = found["body"]["properties"]["model"]["name"]
        request = urllib.request.Request(
            self.account.service_url.rstrip("/") + self.path.removeprefix("/openai/v1"),
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": self.headers["Authorization"]},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                self._answer(answer.status, json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            self._answer(error.code, json.loads(error.read()))


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
