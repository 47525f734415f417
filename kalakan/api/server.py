"""The application with the settings of the environment, as servers import it.

`gunicorn -k uvicorn.workers.UvicornWorker kalakan.api.server:app`, `uvicorn kalakan.api.server:app`.
"""

from __future__ import annotations

from kalakan.api.application import create_app

app = create_app()
"""The application."""
