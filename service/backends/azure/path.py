"""Where Azure OpenAI serves chat completions: the address holds the deployment and the API's version."""

from urllib.parse import quote

from service.backends.dialect import Target

_V1 = "/openai/v1"


def chat_path(target: Target) -> str:
    """The path of chat completions at a deployment, whose name is the target's model.

    A version of `v1` or `preview`, or a base URL that ends in `/openai/v1`, stands for the newer API without dates,
    which has the deployment in the body (https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle).
    """
    preview = "?api-version=preview" if target.version == "preview" else ""
    if target.base_url.endswith(_V1):
        return f"/chat/completions{preview}"
    if target.version in {"v1", "preview"}:
        return f"{_V1}/chat/completions{preview}"
    deployment, version = quote(target.model, safe=""), quote(target.version, safe="")
    return f"/openai/deployments/{deployment}/chat/completions?api-version={version}"
