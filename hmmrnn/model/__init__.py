"""HMMs, networks and their interventions, runs under noise, and files of networks.

| subject | module | holds |
| --- | --- | --- |
| HMMs | `hmm` | models over a small alphabet, the paper's families, their exact statistics |
| | `matrix_notation` | the notations of LaTeX, R, Julia, YAML and printed tables as plain rows |
| | `hmm_text` | probabilities read from pasted text |
| | `sequence_letters` | sequences that are no table: FASTA, lists, words of letters |
| | `sequences` | symbol sequences read from a table |
| networks | `cells` | how one step makes the next state out of the last one, for each kind of cell |
| | `weight_checks` | what the weights of a network must be |
| | `network` | the network, its interventions, and the one loop through time |
| runs | `inputs` | inputs beside noise: a constant, or a sequence from a table |
| | `simulation` | runs under seeded noise, or on given inputs |
| files | `metadata` | what a file says of its network: the target HMM, the training |
| | `opening` | from a file of any program to the tensors of a network |
| | `checkpoint` | networks written and read |
| | `files` | files that are replaced as a whole |
"""
