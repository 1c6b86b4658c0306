"""Judges requests and answers by Google's own client: JSON cases on stdin, one verdict for each on stdout."""

# The client is in this lane's environment alone, where no type checker looks.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportUntypedBaseClass=false, reportUnknownParameterType=false

from __future__ import annotations

import base64
import functools
import json
from typing import Any

import google.auth.credentials
import httpx2
from google import genai
from google.genai import errors, types

from tests.sdk.verdicts import judge_all

Json = dict[str, Any]

OUTSIDE = ("systemInstruction", "tools", "toolConfig", "store")
"""Members of a body that stand in the client's one configuration, beside what is generated and how."""
SAID = {"candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP"}]}


class Credentials(google.auth.credentials.Credentials):
    def refresh(self, request: object) -> None:
        self.token = "t"


class Vendor:
    """A vendor that gives one answer at a time, and Google's client of it: making one takes a tenth of a second."""

    def __init__(self, project: str, region: str) -> None:
        self.sent: list[httpx2.Request] = []
        self.answer = httpx2.Response(500)
        version, access = "v1beta", {"api_key": "k"}
        if project:
            version = "v1"
            access = {"vertexai": True, "project": project, "location": region, "credentials": Credentials()}
        transport = {"transport": httpx2.MockTransport(self.answered)}
        options = types.HttpOptions(api_version=version, client_args=transport)
        self.client = genai.Client(**access, http_options=options)

    def answered(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        return self.answer


@functools.cache
def vendor(project: str = "", region: str = "") -> Vendor:
    return Vendor(project, region)


def judge_request(case: Json) -> Json:
    """What the client sends when it is told to ask for the same. It knows no member that is not in its types."""
    body: Json = dict(case["body"])
    config = {name: body.pop(name) for name in OUTSIDE if name in body} | body.pop("generationConfig", {})
    contents = [types.Content.model_validate(content) for content in body.pop("contents")]
    if body:
        return {"problem": f"unknown members: {sorted(body)}"}
    google = vendor(**(case.get("vertex") or {}))
    google.answer = httpx2.Response(200, json=SAID)
    models = google.client.models
    asked = {"contents": contents, "config": types.GenerateContentConfig.model_validate(config) if config else None}
    if case["stream"]:
        list(models.generate_content_stream(model=case["model"], **asked))
    else:
        models.generate_content(model=case["model"], **asked)
    request = google.sent.pop()
    said = json.loads(request.content)
    # The client writes it whether or not something is in it.
    if not said.get("generationConfig"):
        said.pop("generationConfig", None)
    return {"sent": said, "url": str(request.url)}


def judge_answer(case: Json) -> Json:
    """What the client makes of an answer."""
    google = vendor()
    google.answer = httpx2.Response(
        case["status"], headers={"content-type": case["content_type"]}, content=base64.b64decode(case["body"])
    )
    models = google.client.models
    asked = {"model": "gemini-2.5-flash", "contents": "hi"}
    try:
        pieces = list(models.generate_content_stream(**asked)) if case["stream"] else [models.generate_content(**asked)]
    except errors.APIError as error:
        return {"raised": type(error).__name__, "code": error.code, "status": error.status}
    seen: Json = {"text": "", "thoughts": "", "calls": [], "finish": None, "usage": None}
    for piece in pieces:
        for candidate in piece.candidates or []:
            for part in (candidate.content and candidate.content.parts) or []:
                if part.function_call:
                    seen["calls"].append([part.function_call.name, part.function_call.args])
                elif part.text:
                    seen["thoughts" if part.thought else "text"] += part.text
            if candidate.finish_reason:
                seen["finish"] = candidate.finish_reason.value
        if piece.usage_metadata:
            seen["usage"] = piece.usage_metadata.model_dump(mode="json", exclude_none=True)
    return seen


if __name__ == "__main__":
    judge_all({"request": judge_request, "answer": judge_answer})
