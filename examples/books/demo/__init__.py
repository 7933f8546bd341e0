"""A books API: FastAPI, SQLAlchemy and JWTs, on Lambda or anywhere else that runs ASGI."""
