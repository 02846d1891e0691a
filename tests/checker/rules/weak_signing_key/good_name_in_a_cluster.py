from pydantic_settings import BaseSettings


class Cluster(BaseSettings):
    tls_secret_name: str = "ingress"
    tls_secret_key: str = "tls.crt-key"


_EXTERNAL_SECRET_KEY = "ACME_EXTERNAL_KEY"
