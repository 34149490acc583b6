"""How fast is it, and how much memory does it take? Each figure beside something familiar, measured in the same run."""
