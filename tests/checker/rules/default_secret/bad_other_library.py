from decouple import config

ADMIN_PASSWORD = config("ADMIN_PASSWORD", default="Adm1n-2024")
