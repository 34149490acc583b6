"""Real servers, killed, cut off, filled up and put out of time while they work: nothing is lost, nothing is half.

Those that take minutes are left to `make faults`. How often each is done is HMMRNN_ROUNDS: once in `make test`, more
often there, where it is also written down how long it took until all was well again (HMMRNN_FAULTS names the file).
"""
