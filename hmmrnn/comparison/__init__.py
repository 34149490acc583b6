"""Networks side by side: what each of them does, and what each two have in common, beside its null.

| question | module |
| --- | --- |
| What does one network do? | `one_side` |
| Do the kick groups of two networks do the same? | `kick_correspondence` |
| Do their linear dynamics have the same eigenvalues? | `dynamical_similarity` |
| What have each two in common? | `side_by_side` |
| How is that written as a table? | `table` |
"""
