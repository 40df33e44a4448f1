"""From request bytes to columns. Pure: opens nothing, reads no clock."""
