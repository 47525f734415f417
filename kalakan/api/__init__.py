"""The server: HTTP and WebSocket endpoints over one synthesizer. `kalakan.api.server:app` is the application."""
