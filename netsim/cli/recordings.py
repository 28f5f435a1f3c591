"""Options of commands that read recordings: ticks, maps, window and clocks."""

from typing import Annotated

import typer

TickOption = Annotated[
    str | None,
    typer.Option(
        metavar="PS",
        help="Tick of alice's recorder in ps: 10, 80.955, 3.90625. Default: what the file says "
        "(.ptu, .dump, .a1), else 10.",
    ),
]
TickBOption = Annotated[
    str | None, typer.Option(metavar="PS", help="Tick of bob's recorder in ps.")
]
MapOption = Annotated[
    str,
    typer.Option(
        "--map",
        metavar="N=BASISBIT,...",
        help="Recorder's detector numbers to basis and bit; N=- ignores a channel, "
        "N=Z0+X1 stands for detectors that clicked at once.",
    ),
]
MapBOption = Annotated[
    str | None, typer.Option(metavar="N=BASISBIT,...", help="The same for bob, if different.")
]
FlipOption = Annotated[
    bool,
    typer.Option(
        help="X outcomes of the two are opposite (interferometers at pi/2), or equal. For Z, "
        "exchange Z0 and Z1 in --map-b."
    ),
]
OffsetOption = Annotated[
    int, typer.Option(metavar="PS", help="Bob's clock less alice's, as far as known, in ps.")
]
OffsetBoundOption = Annotated[
    str, typer.Option(metavar="TIME", help="How wrong that may be: 2ms, 500us, 0.")
]
RateBoundOption = Annotated[
    float, typer.Option(metavar="PPM", help="How far the clocks' rates may differ.")
]
WindowOption = Annotated[int, typer.Option(help="Coincidence window in ps, full width.")]
FORMATS = (
    "Files: .csv, one tag a line, any separator and column names, also compressed (.csv.gz); .ptu "
    "of PicoQuant in T2 mode; .dump of a Swabian Time Tagger, and its .ttbin where its package is "
    "installed; .a1 of S-Fifteen; .qutag, binary of a quTAG; .npy with int64 "
    "`ticks << 2 | detector`, or (N, 2), or fields time and detector; .npz with arrays time "
    "and detector. Times in ticks of the recorder, sorted (or --sort), not negative."
)
"""What both read, shown below their help."""
