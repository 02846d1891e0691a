from sqlalchemy import create_engine

engine = create_engine("sqlite://")
DATABASE_URL = "postgresql+asyncpg://shop:Winter-2024@db.internal:5432/shop"
