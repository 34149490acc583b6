"""Figures of the lenses: results for the network as it is now and the intact one (or None) in, a figure out."""
