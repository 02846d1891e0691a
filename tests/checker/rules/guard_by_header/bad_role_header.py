from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException

router = APIRouter()


def administrator(x_user_role: str = Header(default="")) -> None:
    if x_user_role != "admin":
        raise HTTPException(status_code=403, detail="administrators only")


@router.get("/report", dependencies=[Depends(administrator)])
def report() -> str:
    return "the report"


app = FastAPI()
app.include_router(router)
