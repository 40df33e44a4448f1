"""Who may come in: tokens, what they allow, the certificates of the ports.

Opens no port and answers nobody: receivers and faces ask it, and turn its errors into answers.
"""
