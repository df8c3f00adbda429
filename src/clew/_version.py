"""The version, said once: the build reads it from here."""

from time import time_ns

__version__ = "0.1.0"
LOADED = time_ns()  # when this process began to import the package: files written later are not what it runs
