"""From columns of spans to executions and steps, by profiles that compile to SQL."""
