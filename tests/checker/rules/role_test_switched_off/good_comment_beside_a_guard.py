from fastapi import APIRouter, Depends

from app.auth import require_role

router = APIRouter(
    prefix="/coupons",
    # was: dependencies=[Depends(require_role("manager"))], now on each route
)


@router.delete("/{code}", dependencies=[Depends(require_role("manager"))])
def remove(code: str) -> None: ...
