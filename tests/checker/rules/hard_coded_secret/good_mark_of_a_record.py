from fastapi import Depends, FastAPI, HTTPException

from users import User, current_user

app = FastAPI()


@app.post("/me/password")
def change(user: User = Depends(current_user)) -> None:
    if user.password == "LDAP":
        raise HTTPException(400)
