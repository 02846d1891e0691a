"""The promises of core.store, kept by bigger machines."""
