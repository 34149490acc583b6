"""The report about a network, and the terms of the page."""
