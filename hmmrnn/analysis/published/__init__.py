"""The paper's own procedures, step by step as its code has them, on any network."""
