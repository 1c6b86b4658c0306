"""The Grafana dashboard as a table, which its JSON is made from: panels in rows, each with its queries."""

import json
from dataclasses import dataclass

_WIDTH = 24
_HEIGHT = 8
_PORT = "envoy_http_conn_manager_prefix"
_SELECTED = 'namespace=~"$namespace",pod=~"$pod"'


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph. `SEL` in a query stands for what is selected at the dashboard's top."""

    title: str
    unit: str
    """As Grafana names it: s, short, reqps, bytes, percentunit."""
    queries: tuple[tuple[str, str], ...]
    """Legend and PromQL."""


def _quantiles(metric: str, by: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (
            f"p{quantile * 100:g} {{{{{by}}}}}",
            f"histogram_quantile({quantile}, sum by (le, {by}) (rate({metric}_bucket{{SEL}}[$__rate_interval])))",
        )
        for quantile in (0.5, 0.99)
    )


def _rate(metric: str, by: str) -> tuple[str, str]:
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return legend, f"sum by ({by}) (rate({metric}{{SEL}}[$__rate_interval]))"


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Requests",
        (
            Panel("Requests", "reqps", (_rate("parley_requests_total", "face, outcome"),)),
            Panel(
                "Under way",
                "short",
                (
                    ("requests {{face}}", "sum by (face) (parley_requests_in_flight{SEL})"),
                    ("streams {{face}}", "sum by (face) (parley_streams_in_flight{SEL})"),
                ),
            ),
            Panel("Duration", "s", _quantiles("parley_request_duration_seconds", "face")),
        ),
    ),
    (
        "Tokens",
        (
            Panel("Time to first token", "s", _quantiles("parley_time_to_first_token_seconds", "model")),
            Panel("Time per chunk", "s", _quantiles("parley_time_per_output_chunk_seconds", "model")),
            Panel("Tokens", "short", (_rate("parley_tokens_total", "model, kind"),)),
        ),
    ),
    (
        "Vendors",
        (
            Panel("Failed attempts", "reqps", (_rate("parley_upstream_errors_total", "vendor, kind"),)),
            Panel(
                "Retries, fallbacks, hedges",
                "reqps",
                (
                    ("retries {{model}}", "sum by (model) (rate(parley_retries_total{SEL}[$__rate_interval]))"),
                    (
                        "{{model}} answered by {{to}}",
                        "sum by (model, to) (rate(parley_fallbacks_total{SEL}[$__rate_interval]))",
                    ),
                    (
                        "hedges {{outcome}} {{model}}",
                        "sum by (model, outcome) (rate(parley_hedges_total{SEL}[$__rate_interval]))",
                    ),
                ),
            ),
            Panel(
                "Deployments",
                "short",
                (
                    (
                        "in flight {{model}} {{deployment}}",
                        "sum by (model, deployment) (parley_deployment_in_flight{SEL})",
                    ),
                    ("waiting {{model}} {{deployment}}", "sum by (model, deployment) (parley_queue_length{SEL})"),
                    ("resting {{model}} {{deployment}}", "sum by (model, deployment) (parley_deployment_resting{SEL})"),
                ),
            ),
        ),
    ),
    (
        "Parley itself",
        (
            Panel("Overhead", "s", _quantiles("parley_overhead_seconds", "face")),
            Panel("Event loop lag", "s", _quantiles("parley_event_loop_lag_seconds", "worker")),
            Panel("Fields left out", "short", (_rate("parley_dropped_fields_total", "model, field"),)),
            Panel("CPU", "percentunit", (_rate("process_cpu_seconds_total", "pod, worker"),)),
            Panel(
                "Memory",
                "bytes",
                (("{{pod}} {{worker}}", "sum by (pod, worker) (process_resident_memory_bytes{SEL})"),),
            ),
            Panel(
                "Processes and configuration",
                "short",
                (
                    ("up {{pod}} {{worker}}", "parley_worker_up{SEL}"),
                    ("generation {{pod}}", "max by (pod) (parley_config_generation{SEL})"),
                    ("failed reloads {{pod}}", 'sum by (pod) (parley_config_reloads_total{SEL,result="failed"})'),
                    ("ends {{pod}} {{process}}", "sum by (pod, process) (parley_process_exits_total{SEL})"),
                ),
            ),
        ),
    ),
    (
        "Envoy",
        (
            Panel(
                "Answers",
                "reqps",
                (_rate("envoy_http_downstream_rq_xx", f"pod, {_PORT}, envoy_response_code_class"),),
            ),
            Panel(
                "Connections",
                "short",
                (
                    (
                        "{{pod}} {{envoy_http_conn_manager_prefix}}",
                        f"sum by (pod, {_PORT}) (envoy_http_downstream_cx_active{{SEL}})",
                    ),
                ),
            ),
            Panel(
                "Healthy hosts",
                "short",
                (
                    (
                        "{{pod}} {{envoy_cluster_name}}",
                        "sum by (pod, envoy_cluster_name) (envoy_cluster_membership_healthy{SEL})",
                    ),
                ),
            ),
        ),
    ),
)


def queries() -> tuple[str, ...]:
    """Every query of the dashboard."""
    return tuple(query for _, panels in ROWS for panel in panels for _, query in panel.queries)


def text() -> str:
    """The dashboard as Grafana reads it."""
    source = {"type": "prometheus", "uid": "${source}"}
    panels: list[dict[str, object]] = []
    y = 0
    for row, members in ROWS:
        panels.append(
            {"type": "row", "title": row, "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": y}, "id": len(panels) + 1}
        )
        y += 1
        for at, panel in enumerate(members):
            line, column = divmod(at, 3)
            panels.append(
                {
                    "id": len(panels) + 1,
                    "type": "timeseries",
                    "title": panel.title,
                    "datasource": source,
                    "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
                    "gridPos": {"h": _HEIGHT, "w": _WIDTH // 3, "x": column * _WIDTH // 3, "y": y + line * _HEIGHT},
                    "targets": [
                        {"refId": chr(ord("A") + n), "legendFormat": legend, "expr": query.replace("SEL", _SELECTED)}
                        for n, (legend, query) in enumerate(panel.queries)
                    ],
                }
            )
        y += -(-len(members) // 3) * _HEIGHT
    dashboard = {
        "uid": "parley",
        "title": "Parley",
        "tags": ["parley"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "type": "datasource", "query": "prometheus"},
                _variable("namespace", "label_values(parley_build_info, namespace)"),
                _variable("pod", 'label_values(parley_build_info{namespace=~"$namespace"}, pod)'),
            ]
        },
        "panels": panels,
    }
    return json.dumps(dashboard, indent=1) + "\n"


def _variable(name: str, query: str) -> dict[str, object]:
    return {
        "name": name,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": {"query": query, "refId": name},
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "refresh": 2,
    }
