"""Lets a vendor that is a service of this kind know what the caller wants, and the caller what that vendor reports."""

from collections.abc import Mapping
from dataclasses import replace

from service.backends.dialect import Target
from service.pipeline.context import RequestContext
from service.pipeline.report import HEADER, Policy, Report

ACCOUNT = "x-selected-account-id"
"""Whose request it is, in the words of the caller; part of the record on both sides."""


def relayed(target: Target, context: RequestContext, report: Report, policy: Policy | None) -> Target:
    """The target for one request; the same where its vendor is of another kind.

    :param report: hears what the vendor reports.
    :param policy: what to do with fields that the vendor's own vendor cannot honour.
    """
    dialect = target.relays
    if dialect is None:
        return target
    metadata = {ACCOUNT: context.account_id} if context.account_id else {}
    if policy is not None:
        metadata[HEADER] = policy.value

    def note(heard: Mapping[str, str]) -> None:
        report.hear(heard, target.vendor)

    return replace(target, dialect=dialect.relaying(metadata, note))
