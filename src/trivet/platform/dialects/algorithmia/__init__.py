"""The Algorithmia dialect: algorithms are called, hosted data kept and insights posted in Algorithmia's words."""
