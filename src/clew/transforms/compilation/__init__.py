"""How ``jit`` turns a Python function, with the state that it reads and changes, into graphs that are compiled."""
