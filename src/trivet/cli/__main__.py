"""``python -m trivet.cli``: the command line without the installed script."""

from trivet.cli.main import main

main()
