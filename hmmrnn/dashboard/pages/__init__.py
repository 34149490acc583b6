"""The views of the page, in the chapters of the argument; one file a view."""
