"""Use cases, one module per noun. They open a unit of work, load, ask the core, save."""
