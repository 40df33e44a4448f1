"""Hooks for engines and libraries; each is imported only on request."""
