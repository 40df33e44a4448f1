"""Answers as text: tables for people, JSON, NDJSON and CSV for programs.

Takes what the read API answers (dicts and lists with RFC 3339 times, durations in nanoseconds and
hexadecimal ids) and returns strings; asks nobody and prints nothing.
"""
