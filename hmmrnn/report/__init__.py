"""Findings on a network, the paper's claims judged by them, and pages that need no server."""
