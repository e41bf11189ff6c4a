"""PostgreSQL, MariaDB and Redis for tests: private instances on the loopback, gone when they are stopped.

``__main__`` is the command line, ``kinds`` what is to be known of each of the three, ``apt`` how what is
missing gets here, ``server`` one of them running, ``place`` where it is written down what runs.
"""


class Failure(Exception):
    """What was asked for cannot be done; the text says why, and what to do."""
