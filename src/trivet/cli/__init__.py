"""The command line: one module per noun, each imported when its command is called.

It speaks to the platform through the SDK alone; only ``up`` and ``demo`` import the platform, and only when they run.
"""
