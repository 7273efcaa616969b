"""The routes of the native API: a table per noun, put together in `table`."""
