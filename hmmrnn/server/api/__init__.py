"""Addresses that the page fetches from by itself: runs, moments, reports, live pages."""
