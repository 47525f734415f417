"""Caches of synthesized audio in memory, on disk and in Redis, and a synthesizer that uses them."""

from kalakan.synthesis.cache.cached import CachedSynthesizer
from kalakan.synthesis.cache.disk import DiskCache
from kalakan.synthesis.cache.interface import AudioCache, SharedCache
from kalakan.synthesis.cache.memory import MemoryCache
from kalakan.synthesis.cache.redis import RedisCache

__all__ = ["AudioCache", "CachedSynthesizer", "DiskCache", "MemoryCache", "RedisCache", "SharedCache"]
