"""Requests, and the bodies that they must become at Gemini."""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

HI = [{"role": "user", "content": "hi"}]
SAID_HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
PNG = "iVBORw0KGgo="
SCHEMA: Json = {
    "type": "object",
    "properties": {"z": {"type": "integer", "maximum": 12345678901234567890}, "a": {"type": "string"}},
    "required": ["z"],
}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
DECLARED = {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}


@dataclass(frozen=True, slots=True)
class Case:
    """A request's members beside model and messages, and what its body has beside the usual contents."""

    id: str
    asks: Json
    body: Json
    model: str = "gemini-2.5-flash"


def generation(**config: Any) -> Json:
    return {"generationConfig": config}


def said(*parts: Json, role: str = "user") -> Json:
    return {"role": role, "parts": list(parts)}


def call(id_: str, name: str = "f", arguments: str = '{"z":1}', **members: Any) -> Json:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}, **members}


def called(id_: str, name: str = "f", args: Any = None, **members: Any) -> Json:
    return {"functionCall": {"id": id_, "name": name, "args": {"z": 1} if args is None else args}, **members}


def result(id_: str, output: str, name: str = "f", **members: Any) -> Json:
    return {"functionResponse": {"id": id_, "name": name, "response": {"output": output}, **members}}


def kept(google: Json) -> Json:
    return {"extra_content": {"google": google}}


def shows(*parts: Json) -> list[Json]:
    return [{"role": "user", "content": list(parts)}]


CASES = (
    Case("nothing_unasked", {}, {}),
    Case(
        "zeros_are_kept",
        {"temperature": 0, "top_p": 0, "seed": 0, "frequency_penalty": 0, "presence_penalty": 0, "logprobs": False},
        generation(temperature=0, topP=0, seed=0, frequencyPenalty=0, presencePenalty=0, responseLogprobs=False),
    ),
    Case(
        "sampling",
        {"temperature": 0.7, "top_p": 0.9, "top_k": 5, "n": 2, "stop": "x", "max_tokens": 7, "logprobs": True,
         "top_logprobs": 3},
        generation(temperature=0.7, topP=0.9, topK=5, candidateCount=2, stopSequences=["x"], maxOutputTokens=7,
                   responseLogprobs=True, logprobs=3),
    ),
    Case("newer_limit", {"max_tokens": 7, "max_completion_tokens": 9}, generation(maxOutputTokens=9)),
    Case("stops", {"stop": ["a", "b"]}, generation(stopSequences=["a", "b"])),
    Case("seed_max", {"seed": 2**31 - 1}, generation(seed=2**31 - 1)),
    Case("seed_min", {"seed": -(2**31)}, generation(seed=-(2**31))),
    Case("seed_beyond", {"seed": 2**32 + 5}, generation(seed=5)),
    Case("seed_far_beyond", {"seed": -(2**63)}, generation(seed=0)),
    Case(
        "system",
        {"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "hi"},
                      {"role": "developer", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": ""}]}]},
        {**SAID_HI, "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]}},
    ),
    Case(
        "neighbours_are_one_turn",
        {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"},
                      {"role": "assistant", "content": "c"}, {"role": "assistant", "content": "d"},
                      {"role": "user", "content": "e"}]},
        {"contents": [said({"text": "a"}, {"text": "b"}), said({"text": "c"}, {"text": "d"}, role="model"),
                      said({"text": "e"})]},
    ),
    Case(
        "nothing_empty",
        {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": None}, *HI]},
        SAID_HI,
    ),
    Case(
        "refusals",
        {"messages": [*HI, {"role": "assistant", "refusal": "no"},
                      {"role": "assistant", "content": [{"type": "refusal", "refusal": "never"}]}]},
        {"contents": [*SAID_HI["contents"], said({"text": "no"}, {"text": "never"}, role="model")]},
    ),
    Case(
        "calls_and_results",
        {"tools": [TOOL],
         "messages": [*HI,
                      {"role": "assistant", "content": "let me", "tool_calls": [call("1"), call("2", arguments="")]},
                      {"role": "tool", "tool_call_id": "2", "content": '{"big":12345678901234567890}'},
                      {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a"},
                                                                         {"type": "text", "text": "b"}]},
                      {"role": "user", "content": "and?"}]},
        {"tools": [{"functionDeclarations": [DECLARED]}],
         "contents": [*SAID_HI["contents"],
                      said({"text": "let me"}, called("1"), called("2", args={}), role="model"),
                      said(result("2", '{"big":12345678901234567890}'), result("1", "ab")),
                      said({"text": "and?"})]},
    ),
    Case(
        "a_call_without_a_signature",
        {"messages": [*HI, {"role": "assistant", "tool_calls": [call("1"), call("2")]},
                      {"role": "tool", "tool_call_id": "1", "content": ""},
                      {"role": "tool", "tool_call_id": "2", "content": "x"}]},
        {"contents": [*SAID_HI["contents"],
                      said(called("1", thoughtSignature="skip_thought_signature_validator"), called("2"), role="model"),
                      said(result("1", ""), result("2", "x"))]},
        model="gemini-3.1-pro-preview",
    ),
    Case(
        "signatures_come_back",
        {"messages": [*HI, {"role": "assistant", "content": "a",
                            "tool_calls": [call("1", **kept({"thought_signature": "c2ln"}))],
                            **kept({"thought_signature": "dGV4dA=="})},
                      {"role": "tool", "tool_call_id": "1", "content": "x"}]},
        {"contents": [*SAID_HI["contents"],
                      said({"text": "a", "thoughtSignature": "dGV4dA=="}, called("1", thoughtSignature="c2ln"),
                           role="model"),
                      said(result("1", "x"))]},
        model="gemini-3-flash-preview",
    ),
    Case(
        "what_the_vendor_did_comes_back",
        {"messages": [*HI, {"role": "assistant", "content": None,
                            **kept({"thought_signature": "c2ln",
                                    "parts": [{"executableCode": {"code": "1", "language": "PYTHON"}}]})}]},
        {"contents": [*SAID_HI["contents"],
                      said({"executableCode": {"code": "1", "language": "PYTHON"}},
                           {"text": "", "thoughtSignature": "c2ln"}, role="model")]},
    ),
    Case(
        "an_image_as_a_result",
        {"messages": [*HI, {"role": "assistant", "tool_calls": [call("1")]},
                      {"role": "tool", "tool_call_id": "1",
                       "content": [{"type": "text", "text": "look"},
                                   {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]}]},
        {"contents": [*SAID_HI["contents"], said(called("1"), role="model"),
                      said(result("1", "look", parts=[{"inlineData": {"mimeType": "image/png", "data": PNG}}]))]},
    ),
    Case("choice_none", {"tools": [TOOL], "tool_choice": "none"},
         {"tools": [{"functionDeclarations": [DECLARED]}], "toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}),
    Case("choice_auto", {"tools": [TOOL], "tool_choice": "auto"},
         {"tools": [{"functionDeclarations": [DECLARED]}], "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}}),
    Case("choice_required", {"tools": [TOOL], "tool_choice": "required"},
         {"tools": [{"functionDeclarations": [DECLARED]}], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}),
    Case("choice_named", {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
         {"tools": [{"functionDeclarations": [DECLARED]}],
          "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}}),
    Case("strict", {"tools": [{"type": "function", "function": {"name": "g", "strict": True}}]},
         {"tools": [{"functionDeclarations": [{"name": "g"}]}],
          "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}}),
    Case("choice_without_tools", {"tool_choice": "none"}, {}),
    Case("json_object", {"response_format": {"type": "json_object"}}, generation(responseMimeType="application/json")),
    Case("text", {"response_format": {"type": "text"}}, {}),
    Case("json_schema", {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}},
         generation(responseMimeType="application/json", responseJsonSchema=SCHEMA)),
    Case("guided_json", {"guided_json": SCHEMA},
         generation(responseMimeType="application/json", responseJsonSchema=SCHEMA)),
    Case("guided_choice", {"guided_choice": ["a", "b"]},
         generation(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["a", "b"]})),
    Case("guided_regex", {"guided_regex": "a+"},
         generation(responseMimeType="application/json", responseSchema={"type": "STRING", "pattern": "a+"})),
    Case("sound_out", {"modalities": ["audio"], "audio": {"voice": "Kore", "format": "pcm16"}},
         generation(responseModalities=["AUDIO"],
                    speechConfig={"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}})),
    Case("effort_none", {"reasoning_effort": "none"}, generation(thinkingConfig={"thinkingBudget": 0})),
    Case("effort_budget", {"reasoning_effort": "medium"},
         generation(thinkingConfig={"thinkingBudget": 8192, "includeThoughts": True})),
    Case("effort_level", {"reasoning_effort": "xhigh"},
         generation(thinkingConfig={"thinkingLevel": "XHIGH", "includeThoughts": True}), model="gemini-3.8-flash"),
    Case("effort_least", {"reasoning_effort": "none"}, generation(thinkingConfig={"thinkingLevel": "MINIMAL"}),
         model="gemini-flash-latest"),
    Case("image", {"messages": shows({"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"})},
         {"contents": [said({"inlineData": {"mimeType": "image/png", "data": PNG}})]}),
    Case("image_bare", {"messages": shows({"type": "image_url", "image_url": {"url": PNG, "media_type": "image/gif"}})},
         {"contents": [said({"inlineData": {"mimeType": "image/gif", "data": PNG}})]}),
    Case("image_data", {"messages": shows({"type": "image_data", "image_data": {"data": PNG, "media_type": "image/gif"}})},
         {"contents": [said({"inlineData": {"mimeType": "image/gif", "data": PNG}})]}),
    Case("image_in_a_bucket", {"messages": shows({"type": "image_url", "image_url": "gs://b/a.JPG"})},
         {"contents": [said({"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://b/a.JPG"}})]}),
    Case("sound_in", {"messages": shows({"type": "input_audio", "input_audio": {"data": PNG, "format": "mp3"}})},
         {"contents": [said({"inlineData": {"mimeType": "audio/mp3", "data": PNG}})]}),
    Case("document", {"messages": shows({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}"}})},
         {"contents": [said({"inlineData": {"mimeType": "application/pdf", "data": PNG}})]}),
    Case("document_bare", {"messages": shows({"type": "file", "file": {"filename": "a.pdf", "file_data": PNG}})},
         {"contents": [said({"inlineData": {"mimeType": "application/pdf", "data": PNG}})]}),
    Case("document_kept_there", {"messages": shows({"type": "file", "file": {"file_id": "files/abc"}})},
         {"contents": [said({"fileData": {"fileUri": "https://v/v1beta/files/abc"}})]}),
    Case("document_by_address",
         {"messages": shows({"type": "file", "file": {"file_id": "https://v/v1beta/files/abc"}})},
         {"contents": [said({"fileData": {"fileUri": "https://v/v1beta/files/abc"}})]}),
    Case("store", {"store": False}, {"store": False}),
    Case("extra", {"temperature": 0, "inference_extra_params": {
            "model": "stolen", "stream": True, "generationConfig": {"topK": 3},
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}},
         {"generationConfig": {"temperature": 0, "topK": 3},
          "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
)  # fmt: skip

REFUSED: tuple[tuple[str, Json, str], ...] = (
    ("a_tool_of_another_kind", {"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ("a_choice_of_another_kind", {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {}}},
     "tool_choice"),
    ("a_sound_of_another_form", {"modalities": ["audio"], "audio": {"voice": "Kore", "format": "mp3"}}, "audio.format"),
    ("a_form_of_another_kind", {"response_format": {"type": "grammar"}}, "response_format.type"),
    ("an_effort_of_another_kind", {"reasoning_effort": "colossal"}, "reasoning_effort"),
    ("arguments_that_are_no_object",
     {"messages": [*HI, {"role": "assistant", "tool_calls": [call("1", arguments="[1]")]}]},
     "messages[1].tool_calls[0].function.arguments"),
    ("arguments_that_are_no_json",
     {"messages": [*HI, {"role": "assistant", "tool_calls": [call("1", arguments="{")]}]},
     "messages[1].tool_calls[0].function.arguments"),
    ("a_call_of_another_kind",
     {"messages": [*HI, {"role": "assistant", "tool_calls": [call("1", type="custom")]}]},
     "messages[1].tool_calls[0].type"),
    ("a_picture_from_the_system",
     {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": "gs://b/a.png"}]}, *HI]},
     "messages[0].content[0]"),
    ("an_image_of_no_type", {"messages": shows({"type": "image_url", "image_url": "gs://b/a"})},
     "messages[0].content[0].image_url.url"),
    ("an_image_that_is_bare", {"messages": shows({"type": "image_url", "image_url": PNG})},
     "messages[0].content[0].image_url.url"),
    ("a_url_without_base64", {"messages": shows({"type": "image_url", "image_url": "data:image/svg+xml,<svg/>"})},
     "messages[0].content[0].image_url.url"),
)  # fmt: skip
