"""Files of time tags: one module a format, registered by suffix.

A tag is a time in ticks of the recorder's clock and the recorder's number of a detector::

    .csv    one tag a line, both integers, with a header that names the columns or without one, any
            separator; also .csv.gz, .csv.bz2, .csv.xz
    .a1     S-Fifteen: 8 bytes a click, times in 1/256 ns, detectors as a pattern of bits
    .dump   the raw dump of a Swabian Time Tagger, 16 bytes a tag, times in ps
    .ptu    PicoQuant, T2 mode (extra `recordings`)
    .qutag  quTAG and quTAU, binary: 10 bytes a tag
    .ttbin  Swabian, where the vendor's own package is installed
    .npy    (N,) int64 `ticks << 2 | detector`, as `netsim run --save-tags` writes it;
            or (N, 2) integers, time and detector;
            or (N,) structured with integer fields `time` and `detector`
    .npz    two (N,) integer arrays named `time` and `detector`

Another format is a subclass of `interface.TagFormat` and one registration, see `registry`.
"""
