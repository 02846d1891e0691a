import asyncio
import random


async def refresh_token_if_needed() -> None:
    await asyncio.sleep(random.randint(1, 30))
