"""The pump power and the coincidence window that give two users the most key."""

import netsim

found = netsim.optimise(
    "two_user",
    "net_key_bps",
    {"qnsp.source.pumps.*.power_mw": "log:0.1:2", "protocol.window_ps": "200:3000"},
    trials=60,
)
for name, trial in (("as it is", found.as_it_is), ("best found", found.best)):
    if trial is not None:
        print(f"{name}: {', '.join(trial.overrides)}: {trial.value:.1f} bit/s")
print(len(found.ranked), "of", len(found.trials), "trials have a value")
