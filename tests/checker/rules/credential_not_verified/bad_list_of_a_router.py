from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer

app = FastAPI()
security = HTTPBearer()
router = APIRouter(prefix="/orders", dependencies=[Depends(security)])


@router.delete("/{order_id}")
async def cancel(order_id: int) -> dict:
    return {"cancelled": order_id}


app.include_router(router)
