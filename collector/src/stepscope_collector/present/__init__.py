"""Shows answers: REST for programs, text for the command line. Holds no SQL and asks query."""
