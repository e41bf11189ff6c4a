"""What every test may use."""

# pytester runs pytest inside a test: the tests of tests/chromium.py need it.
pytest_plugins = ["tests.chromium", "pytester"]
