"""What an experiment tells of its progress is what every analysis tells."""

from hmmrnn.progress import Tell, ignore

__all__ = ["Tell", "ignore"]
