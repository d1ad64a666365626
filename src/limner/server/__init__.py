"""The server: jobs of many people painted by shared calls, and the doors that they come in by.

    core, accounts, widths, models    what paints: no threads, no HTTP, any clock
    worker, jobs, store, service      jobs, their events, and what survives the process
    app, security, problems           HTTP, and what it refuses
    api, a1111, openai, page          our own API, those of others, and the page

What needs HTTP needs the extra `limner[serve]`; `limner serve` puts all of it together.
"""
