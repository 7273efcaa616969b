"""The Jaqpot dialect: models, predictions and datasets, as Jaqpot's own clients know them."""
