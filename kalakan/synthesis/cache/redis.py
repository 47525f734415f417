"""A cache in Redis, which several machines can share."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kalakan.config.environment import REDIS_URL, text_value
from kalakan.errors import CacheWarning, ConfigError, MissingDependencyError, how_to_install
from kalakan.synthesis.cache.breaker import Breaker
from kalakan.synthesis.cache.interface import lifetime, seconds, size_in_bytes
from kalakan.synthesis.cache.record import HEADER, MAGIC, packed, unpacked
from kalakan.synthesis.engines.acoustics import Samples

CALLS = 3
"""Maximum number of commands per request: read, read and reserve, store. They share the timeout."""
POLL_S = 0.02
"""Interval at which a process checks whether another one has finished the audio that it waits for."""
PREFIX = f"kalakan:{MAGIC.decode()}"
"""Prefix of all keys, so that versions with different formats do not count each other's records."""
INDEX, SIZES = f"{PREFIX}:index", f"{PREFIX}:sizes"
"""The records by time of last use, and the size of each in bytes; the field "total" has the sum."""

NOW = """
local function now()
  local time = redis.call('TIME')
  return string.format('%d.%06d', time[1], time[2])
end
"""
READ = f"""{NOW}
local record = redis.pcall('GET', KEYS[1])
if type(record) == 'string' then
  redis.pcall('ZADD', KEYS[2], 'XX', now(), KEYS[1])
  return {{record}}
end
return {{false, KEYS[3] and redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[1]) and 1 or 0}}
"""
"""Keys: record, index and, to reserve a missing record, its reservation. Returns the record, or nothing and whether the
reservation was available."""
STORE = f"""{NOW}
local record, index, sizes = KEYS[1], KEYS[2], KEYS[3]
if redis.call('TYPE', index).ok ~= 'zset' or redis.call('TYPE', sizes).ok ~= 'hash' then
  redis.call('DEL', index, sizes)
end
local function whole(text)
  local number = text and string.match(text, '^%d+$') and tonumber(text)
  if number and number < 2^53 then return number end
end
local function size_of(key)
  local size = whole(redis.call('HGET', sizes, key))
  if not size then size = redis.call('TYPE', key).ok == 'string' and redis.call('STRLEN', key) or 0 end
  return size
end
local function counted()
  local total = 0
  for _, key in ipairs(redis.call('ZRANGE', index, 0, -1)) do total = total + size_of(key) end
  return total
end
local total = whole(redis.call('HGET', sizes, 'total')) or counted()
local function forget(key)
  if redis.call('ZREM', index, key) == 1 then total = math.max(0, total - size_of(key)) end
  redis.call('HDEL', sizes, key)
  if string.sub(key, 1, #ARGV[4]) == ARGV[4] then redis.call('DEL', key) end
end
forget(record)
if ARGV[3] == '' then
  redis.call('SET', record, ARGV[1])
else
  redis.call('SET', record, ARGV[1], 'PX', ARGV[3])
end
redis.call('ZADD', index, now(), record)
redis.call('HSET', sizes, record, #ARGV[1])
total = total + #ARGV[1]
while total > tonumber(ARGV[2]) do
  local first, second = unpack(redis.call('ZRANGE', index, 0, 1))
  local oldest = first ~= record and first or second
  if not oldest then
    total = #ARGV[1]
    break
  end
  forget(oldest)
end
redis.call('HSET', sizes, 'total', total)
redis.call('DEL', KEYS[4])
return total
"""
"""Keys: record, index, sizes, reservation. Arguments: the record, bytes of all records, milliseconds to live or '', and
the prefix of record names. The least recently used records are evicted. An invalid total is recounted, and of the keys
that the index names only records are deleted."""


class RedisCache:
    """Caches audio in Redis, for any number of processes and machines.

    Records are verified on reading (`kalakan.synthesis.cache.record`); damaged ones and those of another version count
    as misses. A Redis that is down, slow or returns bad data never fails a request. It delays one request by at most
    `timeout_s`, and is then skipped for `retry_after_s`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        max_bytes: int = 1 << 30,
        ttl_s: float | None = None,
        timeout_s: float = 0.3,
        wait_s: float = 2.0,
        retry_after_s: float = 5.0,
    ) -> None:
        """Connects at the first use.

        Args:
            url: `redis://HOST:PORT/DATABASE`, `rediss://…` or `unix://PATH`; by default `KALAKAN_REDIS_URL`.
            max_bytes: Maximum size of all records of this format; the least recently used ones are evicted.
            ttl_s: Lifetime of an entry in seconds.
            timeout_s: Longest delay of a request by Redis, all of its commands together.
            wait_s: Longest wait for audio that another process is synthesizing.
            retry_after_s: How long Redis is skipped after a failure.

        Raises `ConfigError` for a value out of range and an unusable URL, and `MissingDependencyError` without
        redis-py. An unreachable Redis causes a `CacheWarning` at the first use.
        """
        self._max_bytes = size_in_bytes("max_bytes", max_bytes)
        self._ttl_s = lifetime(ttl_s)
        self._wait_s = seconds("wait_s", wait_s, 600)
        limit_s = seconds("timeout_s", timeout_s, 600) / CALLS
        self._breaker = Breaker(limit_s, seconds("retry_after_s", retry_after_s, 86_400), self._warn)
        self._is_patient_after = 0.0
        self._retry_after_s = retry_after_s
        self._has_warned = False
        self._client, self._place = _client(text_value(REDIS_URL) if url is None else url, limit_s)
        self._read = self._client.register_script(READ)
        self._store = self._client.register_script(STORE)

    def get(self, key: str) -> Samples | None:
        """See `AudioCache`."""
        return self._asked(key, is_reserving=False)[0]

    def put(self, key: str, audio: Samples) -> None:
        """See `AudioCache`; audio larger than the whole cache is not stored."""
        if HEADER.size + audio.nbytes > self._max_bytes or self._breaker.is_open:
            return
        keys = [_record(key), INDEX, SIZES, _reservation(key)]
        ttl_ms: int | str = "" if self._ttl_s is None else max(1, int(self._ttl_s * 1000))
        arguments = [packed(key, audio), self._max_bytes, ttl_ms, _record("")]
        self._breaker.call(lambda: self._store(keys=keys, args=arguments))

    @contextmanager
    def reserved(self, key: str) -> Iterator[Samples | None]:
        """See `SharedCache`. A reservation ends with `put`, or by itself after `wait_s`."""
        audio, is_mine = self._asked(key, is_reserving=True)
        begun = time.monotonic()
        while audio is None and not is_mine and begun >= self._is_patient_after:
            if time.monotonic() > begun + self._wait_s:
                # A Redis that always gives this answer must not delay every request.
                self._is_patient_after = time.monotonic() + self._retry_after_s
                break
            time.sleep(POLL_S)
            audio, is_mine = self._asked(key, is_reserving=True)
        is_made = False
        try:
            yield audio
            is_made = True
        finally:
            if is_mine and not is_made and not self._breaker.is_open:
                self._breaker.call(lambda: self._client.delete(_reservation(key)))

    def _asked(self, key: str, *, is_reserving: bool) -> tuple[Samples | None, bool]:
        """The audio of a key, and whether the caller has to synthesize it: it has the reservation, or none is
        possible."""
        keys = [_record(key), INDEX, *([_reservation(key)] if is_reserving else [])]
        answer = self._breaker.call(lambda: self._read(keys=keys, args=[int(self._wait_s * 1000)]))
        if not isinstance(answer, list) or not answer:
            return None, True
        audio = unpacked(key, answer[0], self._ttl_s) if isinstance(answer[0], bytes) else None
        # An unreadable record is replaced by the process that finds it.
        return audio, audio is None and (isinstance(answer[0], bytes) or answer[1:] == [1])

    def _warn(self, error: BaseException) -> None:
        self._client.connection_pool.disconnect()  # ends a hanging call, and drops late responses
        if not self._has_warned:
            self._has_warned = True
            reason = " ".join(str(error).split()) or "it does not answer in time"
            warnings.warn(
                f"the audio cache in Redis at {self._place} cannot be used ({reason}); synthesis goes on without",
                CacheWarning,
                stacklevel=5,
            )


def _record(key: str) -> str:
    return f"{PREFIX}:audio:{key}"


def _reservation(key: str) -> str:
    return f"{PREFIX}:making:{key}"


def _client(url: str | None, limit_s: float) -> tuple[Any, str]:
    """A client that neither retries nor waits longer than the limit, and its address without passwords."""
    if url is None:
        raise ConfigError(f"no Redis was named; give its URL, or set {REDIS_URL}, to redis://HOST:PORT/0")
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise MissingDependencyError(f"a cache in Redis needs redis; {how_to_install('redis')}") from error
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=limit_s,
            socket_connect_timeout=limit_s,
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
        )
    except (ValueError, AttributeError, TypeError):
        # Neither the URL nor the reason is shown: both may hold a password.
        raise ConfigError(
            "the URL of Redis cannot be used; give redis://HOST:PORT/0, rediss://… or unix://PATH"
        ) from None
    known = client.connection_pool.connection_kwargs
    return client, known.get("path") or f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"
