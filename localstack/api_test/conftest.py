def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="many more requests, and sequences of them")
