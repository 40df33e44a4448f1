"""What the spans of traces say together: pure functions of a set of contributions.

The result depends on the set alone, so neither order, nor partition, nor repetition of the spans
can matter: whatever a batch touches is folded from all its spans anew.
"""
