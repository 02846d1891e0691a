"""What rules look at. Each foreign thing (ast, the loaded application, ASGI, files, packages) is known here alone."""
