"""What engines send, built span by span where no recording could be made."""
