"""Face 3: judges any FastAPI application by its source, its loaded routes, attacks in process and its packages."""
