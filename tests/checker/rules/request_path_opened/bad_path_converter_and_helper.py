from fastapi import FastAPI

app = FastAPI()


def text_of(name: str) -> str:
    with open(f"./pages/{name}") as page:
        return page.read()


@app.get("/pages/{name:path}")
def page(name: str) -> str:
    return text_of(name)
