"""The server as an application of Ray Serve: `serve run kalakan.jobs.ray_serve:application replicas=4`.

Needs the extra `ray-serve`. Every replica is a complete server with its own voice and queue. Ray's proxies forward
requests, streams and WebSockets to the replicas; Ray restarts replicas that die.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kalakan.api.application import create_app
from kalakan.api.settings import ServerSettings
from kalakan.errors import ConfigError, MissingDependencyError, how_to_install

MOST_REPLICAS = 1024
GRACE_S = 30
"""Seconds for open responses to end after a replica is asked to stop."""


def application(arguments: Mapping[str, Any] | None = None) -> Any:
    """An application for `serve.run`, with the settings of this process's environment variables.

    `arguments`: `replicas`, 1 to 1024; default 1; and `cpus` of each, 1 to 1024; default 1. They may be strings, as
    `serve run` passes them. Raises `ConfigError` for other values, and `MissingDependencyError` without Ray Serve.
    """
    given = {"replicas": 1, "cpus": 1, **(arguments or {})}
    if unknown := sorted(set(given) - {"replicas", "cpus"}):
        raise ConfigError(f"{unknown[0]} is no argument of the application; there are replicas and cpus")
    replicas, cpus = _number("replicas", given["replicas"]), _number("cpus", given["cpus"])
    try:
        from ray import serve
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"Ray Serve is not installed; {how_to_install('ray-serve')}") from error

    settings = ServerSettings.from_environment()

    def built() -> Any:
        return create_app(settings)  # in the replica, which may be on another machine

    server: Any = serve  # its decorators are only partly typed
    deployment = server.deployment(
        name="kalakan",
        num_replicas=replicas,
        # The server's own queue rejects requests that it cannot serve in time, with a Retry-After.
        max_ongoing_requests=settings.max_requests + settings.queue,
        graceful_shutdown_timeout_s=GRACE_S,
        ray_actor_options={"num_cpus": cpus},  # Ray gives its workers as many threads (OMP_NUM_THREADS)
    )
    return deployment(server.ingress(built)()).bind()


def _number(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= MOST_REPLICAS:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number from 1 to {MOST_REPLICAS}")
    return number
