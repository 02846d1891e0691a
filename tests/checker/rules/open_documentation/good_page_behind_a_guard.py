from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.openapi.docs import get_swagger_ui_html


def employee(request: Request) -> int:
    if "employee" not in request.session:
        raise HTTPException(401)
    return request.session["employee"]


app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/help", dependencies=[Depends(employee)])
def page():
    return get_swagger_ui_html(openapi_url="/schema", title="Payroll")


@app.get("/salaries", dependencies=[Depends(employee)])
def salaries() -> list[int]:
    return []
