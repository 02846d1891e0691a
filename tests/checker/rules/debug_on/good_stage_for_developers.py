# file: Dockerfile
FROM python:3.13 AS base
RUN pip install app
FROM base AS development-app
CMD ["uvicorn", "app:app", "--reload"]
FROM base
CMD ["uvicorn", "app:app"]
