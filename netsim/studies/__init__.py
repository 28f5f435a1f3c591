"""Many runs, and what they measure.

`compare` sets variants side by side, `reconcile` measures error correction alone. The others are
the engine of larger studies: `shots` (a topology, light, counts), `workers` that run them,
`records` of what is finished, `tasks` made of shots, `measurement`, `estimates`, `comparison` and
`fits` of what they found.
"""
