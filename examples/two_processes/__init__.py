"""Two real processes distil key over TCP: the endpoints of `protocols`, without any simulator.

Record tags first, then start one process an end (the announcer listens)::

    netsim run two_user --duration 5s --save-tags --out run
    python -m examples.two_processes secret secret.bin
    python -m examples.two_processes run --link run/tags/alice-bob.json --secret secret.bin \
        --role announcer --tags run/tags/alice.npy --port 7001
    python -m examples.two_processes run --link run/tags/alice-bob.json --secret secret.bin \
        --role responder --tags run/tags/bob.npy --port 7001

Each prints one JSON object: its blocks with their sizes and fingerprints, never the key itself, and
whether the link has closed. A secret serves one run: its pads sign once. Exit codes: 0, 1 without a
connection or with a link that does not close, 2 for bad input.

`inputs` reads files, in `meeting` the ends find each other and prove that they share the secret,
`connection` is the wire, `peer` moves bytes between an endpoint and a connection, `command` is the
command line.
"""
