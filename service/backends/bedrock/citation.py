"""Citations, as annotations of the text that cites."""

from parley.chat.v1.message_pb2 import Annotation, UrlCitation

from service.codec import JsonObject, dumps


def annotation(citation: JsonObject, start: int, end: int) -> Annotation:
    """One citation of the text from `start` to before `end`.

    A web page becomes a `url_citation`. A place in a document becomes a `citation`, with Bedrock's own object under
    that name.
    """
    location = citation.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    url = web.get("url") if isinstance(web, dict) else None
    title = citation.get("title")
    if isinstance(url, str):
        page = UrlCitation(start_index=start, end_index=end, url=url, title=title if isinstance(title, str) else "")
        return Annotation(type="url_citation", url_citation=page)
    members: JsonObject = {"citation": citation, "start_index": start, "end_index": end}
    return Annotation(type="citation", extra_fields=dumps(members).decode())
