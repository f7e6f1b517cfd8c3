"""Tag numbers and values of the TIFF 6.0 specification, and of ExifTool's table for later ones."""

from __future__ import annotations

WIDTH = 256
HEIGHT = 257
BITS = 258
COMPRESSION = 259
PHOTOMETRIC = 262
FILL_ORDER = 266
STRIPS = 273
ORIENTATION = 274
CHANNELS = 277
STRIP_ROWS = 278
STRIP_BYTES = 279
PLANAR = 284
GROUP_3_OPTIONS = 292
GROUP_4_OPTIONS = 293
PREDICTOR = 317
PALETTE = 320
TILE_WIDTH = 322
TILE_HEIGHT = 323
TILES = 324
TILE_BYTES = 325
INK_SET = 332
EXTRA_SAMPLES = 338
SAMPLE_FORMAT = 339
JPEG_TABLES = 347
DEPTH = 32997

# Values of COMPRESSION
PLAIN = 1
FAX = frozenset({2, 3, 4})
LZW = 5
JPEGS = frozenset({6, 7})
DEFLATES = frozenset({8, 32946})
PACKBITS = 32773
CODECS = {
    2: "CCITT RLE",
    3: "CCITT Group 3",
    4: "CCITT Group 4",
    5: "LZW",
    6: "old-style JPEG",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32809: "ThunderScan",
    32908: "Pixar film",
    32909: "Pixar log",
    32946: "deflate",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}

DECODED = (  # by tifffile; its codecs for these were tested with damaged data, and raise
    frozenset({PLAIN, PACKBITS, 34712, 34925, 50000, 50001}) | DEFLATES
)

# Values of PHOTOMETRIC
MIN_IS_WHITE = 0
MIN_IS_BLACK = 1
RGB = 2
INDEXED = 3
SEPARATED = 5
YCBCR = 6
FOREIGN_COLOURS = {
    4: "a transparency mask",
    8: "CIELab colours",
    9: "ICCLab colours",
    10: "ITULab colours",
    32803: "a camera's raw colour filter array",
    32844: "LogL light levels",
    32845: "LogLuv light levels",
    34892: "a camera's linear raw values",
}

# Values of SAMPLE_FORMAT
UNSIGNED = 1
SIGNED = 2
FLOAT = 3
UNDEFINED = 4  # treated as unsigned, as in libtiff
