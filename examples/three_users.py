"""Key of three users, 25 km from a crystal, against power and distance, and in a day."""

import matplotlib.pyplot as plt

import netsim

POWER, LENGTH = "qnsp.source.pump_power_mw", "users.*.fibre.length_m"
lab = netsim.new("star", users=3, distance="25km", source="spdc", efficiency=0.2)
for path, values in ((POWER, "0.2:4:20"), (LENGTH, "0:40e3:21")):
    curves = netsim.predict_over(lab, {path: values}).to_pandas()
    curves.pivot(index=path, columns="link", values="net_key_bps").plot(ylabel="net key [bit/s]")
    plt.savefig(f"{path.rpartition('.')[2]}.svg")
finite = {"protocol.security": "finite", "protocol.estimation": "sample", "protocol.round_s": 3600}
day = netsim.simulate(lab, duration_s="1d", seed=1, fidelity="rate", overrides=finite)
for link in day.links:
    print(*link.users, link.counts.deposited_bits, f"bits of key, {link.net_key_bps:.1f} bit/s net")
