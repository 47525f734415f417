"""The gunicorn worker for the server: `gunicorn -k kalakan.api.worker.Worker kalakan.api.server:app`.

It does the same as `uvicorn.workers.UvicornWorker`, which uvicorn has deprecated and which works only as long as the
installed uvicorn has it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import uvicorn
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker as Base

from kalakan.config.environment import number_value


class Worker(Base):  # type: ignore[misc]
    """Runs one uvicorn server on gunicorn's sockets, and notifies gunicorn that it is alive."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        settings = self.cfg
        self.config = uvicorn.Config(
            self._application,
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=settings.keepalive,
            timeout_graceful_shutdown=settings.graceful_timeout,
            timeout_notify=max(1, int(self.timeout)),
            callback_notify=self._notified,
            limit_max_requests=self.max_requests if 0 < self.max_requests < sys.maxsize else None,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            ws_max_size=int(number_value("KALAKAN_MAX_BODY_BYTES")),
            backlog=settings.backlog,
        )

    def init_signals(self) -> None:
        """Leaves SIGTERM and SIGINT to uvicorn, which ends after the open responses."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.siginterrupt(signal.SIGUSR1, False)

    def run(self) -> None:
        """Serves until it is stopped."""
        asyncio.run(self._serve())

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await self.wsgi(scope, receive, send)

    async def _notified(self) -> None:
        self.notify()

    async def _serve(self) -> None:
        server = uvicorn.Server(self.config)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGQUIT, server.handle_exit, signal.SIGQUIT, None)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
