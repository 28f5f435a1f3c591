"""Errors and key while Eve measures a share of Bob's photons and sends on what she has found."""

import netsim

for share in (0.0, 0.1, 0.2, 0.4):
    run = netsim.simulate(
        "two_user",
        duration_s=4,
        seed=1,
        overrides={
            "protocol.round_s": 2,
            "observers": [{"kind": "intercept-resend", "user": "bob", "share": share}],
        },
    )
    (lane,), (link,) = run.lanes, run.links
    print(f"{share:.1f}: QBER {lane.qber:.2%}, {link.counts.deposited_bits} bits of key")
