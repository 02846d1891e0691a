from fastapi import APIRouter, FastAPI, Security
from fastapi.security import OAuth2PasswordBearer

oauth2 = OAuth2PasswordBearer(tokenUrl="token", auto_error=False)
router = APIRouter(dependencies=[Security(oauth2)])


@router.get("/reports")
async def reports() -> list[str]:
    return ["turnover"]


app = FastAPI()
app.include_router(router, prefix="/v1")
