"""The platform: what runs behind the API. Installed with the extra ``server``."""
