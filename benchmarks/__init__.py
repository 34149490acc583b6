"""Figures of speed and memory, each beside a familiar one that is measured in the same run."""
