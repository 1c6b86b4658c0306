"""What to do about settings of LiteLLM that parley.yaml has no form for; looked up by the end of their paths."""

from collections.abc import Mapping
from types import MappingProxyType

NO_FORM = "has no form here"

_PRICES = "there are no prices here"
_SAMPLING = "callers say it themselves, in each request"
_STORE = "there is no database: callers' keys stand in parley.yaml, by their hashes"
_REDIS = "nothing is shared: each worker keeps its own state of deployments"
_AWS = "credentials of AWS come from where AWS's own tools find them, such as AWS_PROFILE or AWS_ROLE_ARN"
_LIMIT = "requests and tokens per minute are not limited"
_CACHE = "answers are not cached; Idempotency-Key answers the same request once"

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            "input_cost_per_token output_cost_per_token input_cost_per_second cost_per_query".split(), _PRICES
        ),
        **dict.fromkeys(
            "temperature top_p top_k max_tokens max_completion_tokens seed stop presence_penalty frequency_penalty "
            "reasoning_effort thinking extra_body n logit_bias response_format tools user".split(),
            _SAMPLING,
        ),
        **dict.fromkeys(
            "database_url database_connection_pool_limit database_connection_timeout store_model_in_db "
            "disable_spend_logs allow_requests_on_db_unavailable proxy_batch_write_at".split(),
            _STORE,
        ),
        **dict.fromkeys("redis_host redis_port redis_password redis_url redis_ssl".split(), _REDIS),
        **dict.fromkeys(
            "aws_access_key_id aws_secret_access_key aws_session_token aws_profile_name aws_role_name "
            "aws_session_name aws_web_identity_token aws_sts_endpoint".split(),
            _AWS,
        ),
        **dict.fromkeys("rpm tpm max_budget budget_duration budget_limit".split(), _LIMIT),
        **dict.fromkeys(
            "cache cache_params cache_kwargs enable_caching_on_provider_specific_optional_params".split(), _CACHE
        ),
        "vertex_credentials": "Google's credentials are found by its own library: set GOOGLE_APPLICATION_CREDENTIALS",
        "environment_variables": "set them in the environment of `parley up`; none is written to a file",
        "base_model": "a model is what the vendor says that it is; nothing is looked up by its name",
        "supports_vision": "what a model can do is not declared: the vendor's answer decides",
        "supports_function_calling": "what a model can do is not declared: the vendor's answer decides",
        "mock_response": "nothing is made up here",
        "retry_policy": "retries are one number for each model, whatever failed",
        "model_group_retry_policy": "retries are one number for each model",
        "allowed_fails_policy": "cooldown.failures is one number for each model, whatever failed",
        "retry_after": "the wait before a retry is retries.backoff, or what the vendor asks for",
        "enable_pre_call_checks": "what is too long goes to fallback.context_length once the vendor says so",
        "optional_pre_call_checks": "balance: prefix keeps a conversation where its beginning is cached",
        "routing_strategy_args": "a strategy has no settings here",
        "tags": "requests are not routed by tags; give the deployments another name",
        "enable_tag_filtering": "requests are not routed by tags; give the deployments another name",
        "tag_filtering_match_any": "requests are not routed by tags; give the deployments another name",
        "global_max_parallel_requests": "set max_concurrent for the vendors",
        "max_request_size_mb": "a request may have 64 MiB",
        "max_response_size_mb": "an answer is not limited",
        "alerting": "alert on the metrics: k8s/components/monitoring/rules.yaml is a start",
        "alerting_threshold": "alert on the metrics: k8s/components/monitoring/rules.yaml is a start",
        "alerting_args": "alert on the metrics: k8s/components/monitoring/rules.yaml is a start",
        "background_health_checks": "a deployment rests when it fails, and is tried again by one request at a time",
        "health_check_interval": "a deployment rests when it fails, and is tried again by one request at a time",
        "health_check_model": "a deployment rests when it fails, and is tried again by one request at a time",
        "turn_off_message_logging": "prompts and answers are in no log",
        "redact_user_api_key_info": "keys are in no log",
        "set_verbose": "set PARLEY_LOG_LEVEL=debug in the environment",
        "ssl_verify": "set SSL_CERT_FILE, or a vendor's tls.ca; verification cannot be switched off",
        "ssl_certificate": "set tls.cert and tls.key of a vendor",
        "force_ipv4": "both families are tried at once, and the first that answers is used",
        "guardrails": "there are no guardrails here",
        "prompts": "there are no stored prompts here",
        "mcp_servers": "there are no MCP servers here",
        "custom_auth": "callers are known by their keys alone",
        "enable_jwt_auth": "callers are known by their keys alone",
        "completion_model": "a request names its model",
        "telemetry": "nothing is sent to anybody",
        "include": "put the files together into one first",
    }
)
"""By the last part of the path."""


def advice(path: str) -> str:
    """What to tell of a setting."""
    key = path.rpartition(".")[2].partition("[")[0]
    known = ADVICE.get(key)
    return f"{NO_FORM}: {known}" if known else NO_FORM
