"""The read API over HTTP: JSON in and out, and streams of rows for user SQL. Holds no SQL."""
