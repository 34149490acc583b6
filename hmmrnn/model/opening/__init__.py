"""From a file to the tensors of a network, whichever program wrote it and whatever it calls them.

A file passes through these modules in this order, through each at most once. A module imports those above it, never
those below.

| step | module | what happens |
| --- | --- | --- |
| found | `contents` | a file is described: tensors with their shapes, metadata, settings; or refused in a sentence |
| | `not_networks` | a file that holds no network is named for what it is |
| | `keras_layers` | layers of Keras are put into the order of torch's |
| | `torch_files`, `other_programs` | tensors in files of torch, and of NumPy, MATLAB, JSON and HDF5 |
| | `formats` | the content of a file decides which of these reads it; safetensors is read here |
| read | `mapping_terms` | a role is filled by a tensor, a part of one, or a product of several |
| | `reading` | what is known so far: a term for each role, the cell, what has to be asked |
| | `unwrapping` | what pruning, normalising and compiling have added to tensors and their names is taken off |
| | `hints` | what the words in a name hint at |
| | `gates` | gates in tensors of their own are put below each other |
| | `leaky_scripts`, `products`, `signs_and_masks` | weights made of several tensors: scaled, of low rank, masked |
| | `beside` | layers before and behind are folded in, or named |
| | `conventions` | tensors are recognised by the names and shapes of known programs |
| | `roles` | what was recognised and what is said beside it become one reading, or a question |
| checked | `checks` | types, shapes, sizes and values are those of a network that can be shown |

`hmmrnn.model.checkpoint.load` is the way in, and makes the `Network`.
"""
