"""Named questions about the history with typed answers, and user SQL behind its guard.

Every face (REST, command line, later MCP and pages) asks through here, so that a number is the same
wherever it is shown. SQL stands in `sql/<area>/<name>.sql`; nothing here writes.
"""
