from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

router = APIRouter(prefix="/items")


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)


def database():
    db = Session()
    try:
        yield db
    finally:
        db.close()


@router.delete("/{item_id}")
def remove(item_id: int, db: Session = Depends(database)) -> None:
    db.delete(db.get(Item, item_id))
    db.commit()


app = FastAPI()
app.include_router(router, prefix="/api")
