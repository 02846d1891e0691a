# file: Dockerfile
FROM python:3.13 AS dev
RUN pip install app
CMD ["uvicorn", "app:app", "--reload"]
