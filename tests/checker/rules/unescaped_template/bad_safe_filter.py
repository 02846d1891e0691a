from fastapi import Depends, FastAPI, Request
from fastapi.templating import Jinja2Templates
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.database import Product, get_session

app = FastAPI()
templates = Jinja2Templates(directory="templates")


@app.get("/products/{number}")
def product(request: Request, number: int, session: Session = Depends(get_session)):
    found = session.scalars(select(Product).where(Product.id == number)).first()
    return templates.TemplateResponse(request, "product.html", {"product": found})
# file: templates/product.html
<h1>{{ product.name }}</h1>
<div>{{ product.description | safe }}</div>
