"""Test set-up for the whole tree."""

pytest_plugins = ["pytester", "tests.vm.plugin"]
