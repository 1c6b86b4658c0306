"""Every fault of a vendor that the table shows, in the order in which a request meets them."""

import zlib

from tests.faults.fault import (
    BEGUN,
    BEGUN_TEXT,
    BETWEEN_CHUNKS,
    BODY,
    CHUNKED,
    CHUNKED_JSON,
    CONNECT,
    EVENTS,
    FIRST_TOKEN,
    PATIENT,
    TEXT,
    WHOLE,
    Case,
    Fault,
    chunks,
    late,
    same,
    status,
    streamed,
    whole_stream,
)
from tests.faults.play import Drip, Ending, Forever, Play
from tests.faults.verdict import Must
from tests.faults.wire import DONE, JSON, LAST_CHUNK, SSE, chunk, delta, error, event, head, sized

_MEGABYTE = 1024 * 1024
_HTML = b"<html><body><h1>Welcome</h1></body></html>"
_NOTHING = Play((), Ending.FIN)
_GOOD = Fault(
    "good",
    "none: the vendor answers as it should",
    Case(whole_stream(*EVENTS, DONE), Must.COMPLETE, TEXT),
    Case(Play((sized(200, WHOLE),)), Must.COMPLETE, TEXT),
)

_CONNECTING = (
    same("refuse", "refuses the connection", _NOTHING, vendor="refusing"),
    same("deaf", "does not answer the connection", _NOTHING, limit=CONNECT, vendor="deaf"),
    same("reset_at_connect", "resets the connection at once", _NOTHING, vendor="resetting", racy=True),
)

_BEFORE_HEADERS = (
    same("reset_after_request", "resets after the request", Play((), Ending.RESET)),
    same("close_after_request", "closes after the request", _NOTHING),
    same("hang_before_headers", "hangs before headers", Play((), Ending.HANG), limit=FIRST_TOKEN),
    same(
        "hang_in_headers", "hangs in the middle of the headers", Play((CHUNKED[:30],), Ending.HANG), limit=FIRST_TOKEN
    ),
    same("cut_in_headers", "closes in the middle of the headers", Play((CHUNKED[:30],), Ending.FIN)),
    same("endless_headers", "sends headers without end", Play((CHUNKED[:-2], Forever(b"x-more: and more\r\n")))),
    same("endless_header", "sends one header line without end", Play((CHUNKED[:-2], Forever(b"x" * 4096)))),
    same("drip_headers", "drips headers, a byte in 0.1 s", Play((Drip(CHUNKED, 0.1),)), limit=FIRST_TOKEN),
    same("continue_flood", "sends `100 Continue` without end", Play((Forever(b"HTTP/1.1 100 Continue\r\n\r\n"),))),
    same(
        "continue_drip",
        "sends `103 Early Hints` every 0.1 s",
        Play((Forever(b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.1),)),
        limit=FIRST_TOKEN,
    ),
    same(
        "switch", "switches protocols", Play((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",), Ending.FIN)
    ),
    same("garbage", "answers with garbage", Play((bytes(range(255, 0, -1)),), Ending.FIN)),
    same("ssh", "is an SSH server", Play((b"SSH-2.0-OpenSSH_9.2\r\n",), Ending.HANG)),
    same("endless_garbage", "sends zero bytes without end", Play((Forever(b"\0" * 4096),))),
    same("bad_length", "says a length that is no number", Play((head(200, content_length="-5") + BODY,), Ending.FIN)),
    same(
        "two_lengths", "says two lengths", Play((head(200, content_length="5\r\ncontent-length: 6"), BODY), Ending.FIN)
    ),
    same(
        "encoding",
        "uses an unknown content encoding",
        Play((head(200, transfer_encoding="chunked", content_encoding="br"), chunk(BODY), LAST_CHUNK)),
    ),
    same(
        "transfer_encoding",
        "uses an unknown transfer encoding",
        Play((head(200, transfer_encoding="gzip, chunked"), chunk(BODY), LAST_CHUNK), Ending.FIN),
    ),
)

_STATUSES = (
    status(429, "429"),
    status(429, "429 with Retry-After: 1", retry_after="1"),
    status(429, "429 with a Retry-After that is nonsense", retry_after="soon, -1"),
    status(500, "500"),
    status(503, "503"),
    status(503, "503 with Retry-After: 100000", retry_after="100000"),
    status(529, "529"),
    status(401, "401: our key is refused"),
    status(302, "302: a redirect", location="http://127.0.0.1:1/"),
    status(204, "204 with a body"),
    status(999, "a status that does not exist"),
    same("html_200", "an HTML page with 200", Play((sized(200, _HTML, "text/html"),))),
    same("html_as_stream", "an HTML page that is called an event stream", Play((sized(200, _HTML, SSE),))),
    same("html_502", "an HTML page with 502", Play((sized(502, _HTML, "text/html"),))),
    same("cut_error_body", "503, its body cut", Play((head(503, JSON, content_length="500") + b'{"er',), Ending.FIN)),
    same(
        "hung_error_body", "503, its body never ends", Play((head(503, JSON, content_length="500"),), Ending.HANG),
        limit=FIRST_TOKEN,
    ),
    same("endless_error_body", "503 with a body without end", Play((head(503, JSON, connection="close"), Forever(b"x" * 4096)))),
    same("error_in_200", "200 with an error body", Play((sized(200, event(error())[6:-2]),))),
    Fault(
        "error_first",
        "200 and an error as the first event",
        Case(whole_stream(event(error()))),
        Case(Play((sized(200, event(error())[6:-2]),))),
    ),
    same("empty", "200 with an empty body", Play((sized(200, b"", SSE),))),
    same("null", "200 with `null`", Play((sized(200, b"null"),))),
    Fault(
        "only_done",
        "200 and nothing but `[DONE]`",
        Case(whole_stream(DONE)),
        Case(Play((sized(200, b"{}"),))),
    ),
)  # fmt: skip

_SILENCE = (
    Fault(
        "hang_after_headers",
        "hangs after headers",
        Case(streamed(ending=Ending.HANG), limit=FIRST_TOKEN),
        Case(Play((CHUNKED_JSON,), Ending.HANG), limit=FIRST_TOKEN),
    ),
    late("hang", "hangs in mid-stream", ending=Ending.HANG, limit=BETWEEN_CHUNKS),
    late("hang_in_event", "hangs in the middle of an event", chunk(EVENTS[3][:40]), ending=Ending.HANG, limit=BETWEEN_CHUNKS),
    late("hang_in_chunk", "hangs in the middle of a chunk", chunk(EVENTS[3])[:40], ending=Ending.HANG, limit=BETWEEN_CHUNKS),
    Fault(
        "hang_before_done",
        "hangs where only `[DONE]` is missing",
        Case(streamed(*chunks(*EVENTS), ending=Ending.HANG), text=TEXT, limit=BETWEEN_CHUNKS),
        Case(Play((CHUNKED_JSON, chunk(WHOLE[:-1])), Ending.HANG), limit=FIRST_TOKEN),
    ),
    Fault(
        "hang_after_done",
        "hangs after `[DONE]`",
        Case(streamed(*chunks(*EVENTS, DONE), ending=Ending.HANG), Must.COMPLETE, TEXT),
        Case(Play((CHUNKED_JSON, chunk(WHOLE)), Ending.HANG), limit=FIRST_TOKEN),
    ),
    same("pings", "sends comments without end", streamed(Forever(chunk(b": ping\n\n"), 0.05)), limit=FIRST_TOKEN),
    same("roles", "sends chunks without content, without end", streamed(Forever(chunk(EVENTS[0]), 0.05)), limit=FIRST_TOKEN),
    late("late_pings", "sends comments without end in mid-stream", Forever(chunk(b": ping\n\n"), 0.05), vendor="limited"),
    late("slow_drip", "drips, a byte in 0.1 s, past the total limit", Drip(b"".join(chunks(*EVENTS[3:])), 0.1), vendor="limited"),
)  # fmt: skip

_PACED = (
    Fault(
        "drip",
        "drips the whole answer, a byte at a time",
        Case(Play((Drip(CHUNKED + b"".join(chunks(*EVENTS, DONE)) + LAST_CHUNK),)), Must.COMPLETE, TEXT),
        Case(Play((Drip(sized(200, WHOLE)),)), Must.COMPLETE, TEXT),
    ),
    Fault(
        "crlf",
        "writes lines with CRLF and a byte-order mark",
        Case(whole_stream(b"\xef\xbb\xbf", *(e.replace(b"\n", b"\r\n") for e in (*EVENTS, DONE))), Must.COMPLETE, TEXT),
        Case(Play((sized(200, b"\r\n" + WHOLE + b"\r\n"),)), Must.COMPLETE, TEXT),
    ),
    Fault(
        "http_1_0",
        "speaks HTTP/1.0",
        Case(
            Play((head(200).replace(b"/1.1", b"/1.0") + BODY,), Ending.FIN), Must.COMPLETE, TEXT
        ),
        Case(Play((head(200, JSON).replace(b"/1.1", b"/1.0") + WHOLE,), Ending.FIN), Must.COMPLETE, TEXT),
    ),
    Fault(
        "gzip",
        "compresses, though it was not asked to",
        Case(Play((sized(200, zlib.compress(BODY, wbits=31), SSE, content_encoding="gzip"),)), Must.COMPLETE, TEXT),
        Case(Play((sized(200, zlib.compress(WHOLE, wbits=31), content_encoding="gzip"),)), Must.COMPLETE, TEXT),
    ),
    Fault(
        "more_after_done",
        "goes on after `[DONE]`",
        Case(whole_stream(*EVENTS, DONE, delta("and more")), Must.COMPLETE, TEXT),
        # In one write: a second answer that came after the next request would be taken for that one's, which no
        # HTTP/1.1 client can tell.
        Case(Play((sized(200, WHOLE) * 2,)), Must.COMPLETE, TEXT),
    ),
)  # fmt: skip

_BROKEN = (
    late("reset", "resets in mid-stream", ending=Ending.RESET),
    late("close", "closes in mid-stream"),
    late("close_in_chunk", "closes in the middle of a chunk", chunk(EVENTS[3])[:40]),
    late("ends", "ends in mid-stream, HTTP being in order", LAST_CHUNK, ending=Ending.KEEP),
    Fault(
        "no_finish",
        "ends by `[DONE]` in mid-answer, without a finish reason",
        Case(whole_stream(*BEGUN, DONE), Must.EITHER, BEGUN_TEXT, finish=""),
        Case(Play((sized(200, WHOLE.replace(b'"stop"', b"null")),)), Must.EITHER, TEXT, finish=""),
    ),
    Fault(
        "no_done",
        "leaves `[DONE]` out",
        Case(whole_stream(*EVENTS), text=TEXT),
        Case(Play((sized(200, WHOLE[:-1]),))),
    ),
    late("bad_chunk", "sends a chunk longer than it says", b"5\r\ndata: {}\n\n\r\n"),
    late("bad_chunk_size", "sends a chunk whose size is no number", b"zz\r\n"),
    late("endless_chunk_size", "sends a chunk's extension without end", b"5;", Forever(b"x" * 4096)),
    late("endless_trailers", "sends trailers without end", b"0\r\n", Forever(b"x-more: and more\r\n")),
    late("second_answer", "begins a second answer inside the first", sized(200, WHOLE)),
    Fault(
        "long_length",
        "says a length that is too long, then closes",
        Case(Play((head(200, content_length="99999") + b"".join(BEGUN),), Ending.FIN), text=BEGUN_TEXT),
        Case(Play((head(200, JSON, content_length="99999") + WHOLE,), Ending.FIN)),
    ),
    Fault(
        "long_length_hang",
        "says a length that is too long, then hangs",
        Case(Play((head(200, content_length="99999") + b"".join(BEGUN),), Ending.HANG), text=BEGUN_TEXT, limit=BETWEEN_CHUNKS),
        Case(Play((head(200, JSON, content_length="99999") + WHOLE,), Ending.HANG), limit=FIRST_TOKEN),
    ),
    Fault(
        "short_length",
        "says a length that is too short",
        Case(Play((head(200, content_length=str(len(b"".join(BEGUN)))) + BODY,)), text=BEGUN_TEXT),
        Case(Play((head(200, JSON, content_length="60") + WHOLE,))),
    ),
    Fault(
        "cut_gzip",
        "compresses and stops midway, the length being right",
        Case(Play((sized(200, zlib.compress(BODY, wbits=31)[:-30], SSE, content_encoding="gzip"),)), text=TEXT),
        Case(Play((sized(200, zlib.compress(WHOLE, wbits=31)[:-30], content_encoding="gzip"),))),
    ),
    Fault(
        "bad_gzip",
        "says gzip and is not",
        Case(Play((sized(200, BODY, SSE, content_encoding="gzip"),))),
        Case(Play((sized(200, WHOLE, content_encoding="gzip"),))),
    ),
)  # fmt: skip

_EVENTS = (
    late("error_event", "sends an error event in mid-stream", chunk(event(error())), LAST_CHUNK, ending=Ending.KEEP),
    late(
        "error_then_done", "sends an error event, then `[DONE]`", *chunks(event(error()), DONE), LAST_CHUNK,
        ending=Ending.KEEP,
    ),
    late("bad_json", "sends an event that is not JSON", *chunks(b"data: {\n\n", DONE), LAST_CHUNK, ending=Ending.KEEP),
    late("html_event", "sends HTML in mid-stream", *chunks(b"data: " + _HTML + b"\n\n", DONE), LAST_CHUNK),
    late("bad_utf8", "sends an event that is not UTF-8", *chunks(EVENTS[3].replace(b'"a ', b'"\xff'), DONE), LAST_CHUNK),
    late("wrong_types", "sends an event whose fields have other types", chunk(b'data: {"choices": "none"}\n\n'), LAST_CHUNK),
    late("deep_json", "sends an event nested 100,000 deep", chunk(b"data: " + b"[" * 100_000 + b"\n\n"), LAST_CHUNK),
    Fault(
        "giant_event",
        "sends one event of 40 MiB",
        Case(
            streamed(*chunks(*BEGUN, delta("x" * 40 * _MEGABYTE), DONE), LAST_CHUNK), text=BEGUN_TEXT, limit=PATIENT
        ),
        Case(Play((sized(200, b'{"choices": "' + b"x" * 40 * _MEGABYTE + b'"}'),)), limit=PATIENT),
        "patient",
        heavy=True,
    ),
    late(
        "endless_event", "sends an event without end", chunk(b'data: {"choices": "'), Forever(chunk(b"x" * 65536)),
        limit=PATIENT, vendor="patient", heavy=True,
    ),
    late(
        "endless_line", "sends lines without end, and no event", Forever(chunk(b"data: x\n" * 8192)),
        limit=PATIENT, vendor="patient", heavy=True,
    ),
    late("endless_stream", "sends whole events without end", Forever(chunk(b": \n\n" * 8192)), vendor="limited", heavy=True),
)  # fmt: skip

FAULTS: tuple[Fault, ...] = (
    _GOOD, *_CONNECTING, *_BEFORE_HEADERS, *_STATUSES, *_SILENCE, *_PACED, *_BROKEN, *_EVENTS
)  # fmt: skip
