"""Numbers of Python that the page's scripts are compared with in Node: a module for each file of Node tests."""
