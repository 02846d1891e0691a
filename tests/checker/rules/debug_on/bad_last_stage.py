# file: Dockerfile
FROM python:3.13 AS base
RUN pip install app
FROM base
CMD ["uvicorn", "app:app", "--reload"]
