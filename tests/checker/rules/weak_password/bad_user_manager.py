from fastapi_users import BaseUserManager, IntegerIDMixin

from models import User


class UserManager(IntegerIDMixin, BaseUserManager[User, int]):
    async def on_after_register(self, user: User, request: object = None) -> None:
        print(user.id)
