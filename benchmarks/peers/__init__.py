"""Other servers that take OTLP, to be measured beside the collector in the same run."""
