"""Wavelength planning: which pumps, which channels to whom, at what power, and what key that gives.

`netsim.plan.planner.make_plan` answers a `netsim.plan.request.PlanRequest`. The structure that it
exploits is derived in `netsim.plan.bounds`; `netsim.plan.check` judges a plan without knowing any
of it.
"""
