"""Work that outlives a request: the durable table, the worker, the schedule."""
