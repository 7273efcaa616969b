"""Moving a codebase from the three original packages to the drop-in modules: what is used, what is supported, what to change.

Everything here works on texts and values; nothing is imported or run of the code that is read. Only `survey` reads and writes
files. What is supported stands beside each drop-in module, in its ``support.toml``.
"""
