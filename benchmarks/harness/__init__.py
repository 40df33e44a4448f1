"""What several benchmarks share: requests, the collector as a process, senders, facts of the machine."""
