"""Chosen executions as files: tables, documents, OTLP and bundles."""

from stepscope_collector.query.export.chosen import Chosen
from stepscope_collector.query.export.forms import FORMS, TABLES, Form, export

__all__ = ["FORMS", "TABLES", "Chosen", "Form", "export"]
