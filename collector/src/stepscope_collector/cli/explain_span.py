"""`stepscope explain-span`: which profile and rule decided each field of a span."""

import click

from stepscope_collector.cli.session import Session, pass_session, shared_options
from stepscope_collector.present.text.explanation import explanation_text

__all__ = ["command"]


@click.command("explain-span")
@click.argument("trace_id", metavar="TRACE")
@click.argument("span_id", metavar="SPAN")
@shared_options()
@pass_session
def command(session: Session, *, trace_id: str, span_id: str) -> None:
    """Say which profile and rule decided each field of a span.

    Which profiles detect it and which mapped it, the rule it met, every field with its expression and
    value, and the execution, step and attempt it went to, each with the reason. TRACE and SPAN are
    hexadecimal ids.
    """
    with session.client() as client:
        document = client.explain_span(trace_id, span_id)
    session.write_document(document, explanation_text)
