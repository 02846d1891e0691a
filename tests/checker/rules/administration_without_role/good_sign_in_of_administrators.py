from fastapi import FastAPI

app = FastAPI()


@app.get("/admin/login")
def page() -> str:
    return "the form"
