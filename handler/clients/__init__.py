"""The only folder that opens sockets. A client has time-outs, caps what it reads, and raises only `handler.errors`."""
