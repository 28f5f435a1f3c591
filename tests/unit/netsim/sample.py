"""A small valid topology for tests of what is around the simulation: arbitrary figures."""

TWO_USERS = """
name = "sample"
description = "two users, one lane"

[qnsp]
pump_rejection_loss_db = 1.0
channels = [
    { channel = "C38", user = "Alice", loss_db = 1.0 },
    { channel = "C42", user = "Bob", loss_db = 1.0 },
]

[qnsp.source]
brightness_hz_per_mw2 = 1e6
linewidth_hz = 2e8
comb_spacing_labels = 2
facet_loss_db = 1.6
escape_loss_db = 2.0
contrast = 0.98
pumps = [{ channel = "C34", power_mw = 0.4 }, { channel = "C46", power_mw = 0.4 }]

[receivers.lab]
z_probability = 0.5
excess_loss_db = 3.0
tick_ps = 100
z = { delay_ps = 10_000.0, phase_rad = 0.0 }
x = { delay_ps = 10_000.0, phase_rad = 1.5707963267948966 }
detectors = [
    { efficiency = 0.8, dark_rate_hz = 100.0, jitter_fwhm_ps = 70.0, dead_time_ps = 50_000 },
]
clock = { offset_bound_ps = 1_000_000_000, rate_bound_ppm = 0.5, allan_deviation_1s = 1e-10 }

[[users]]
name = "Alice"
receiver = "lab"
[users.fibre]
length_m = 1000.0
attenuation_db_per_km = 0.2
group_index = 1.468
dispersion_ps_per_nm_km = 17.0

[[users]]
name = "Bob"
receiver = "lab"
[users.fibre]
length_m = 1000.0
attenuation_db_per_km = 0.2
group_index = 1.468
dispersion_ps_per_nm_km = 17.0

[classical]
bandwidth_bps = 1e8
group_index = 1.468
jitter_ps = 1_000_000
max_datagram_bytes = 1400

[protocol]
window_ps = 2000
round_s = 10.0
reconciliation = "cascade-yanetal"
initial_qber = 0.05
error_correction_charge = "paper"
verification_bits = 64
"""
