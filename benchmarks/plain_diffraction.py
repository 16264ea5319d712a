"""Small files of diffractometers, written by hand: for tests and fuzzing.

Each function takes angles 2θ in degrees and intensities, evenly spaced, shape (n,), and returns the
bytes.
"""

import numpy as np

from benchmarks.plain_bytes import archive, field, numbers, table

WAVELENGTH = 1.5406  # Å


def xrdml(axis, heights):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.6" status="Completed">
<sample type="To be analyzed"><id>powder 7</id></sample>
<xrdMeasurement measurementType="Scan">
<usedWavelength intended="K-Alpha 1">
<kAlpha1 unit="Angstrom">{WAVELENGTH}</kAlpha1></usedWavelength>
<scan scanAxis="Gonio"><dataPoints>
<positions axis="2Theta" unit="deg">
<startPosition>{axis[0]}</startPosition><endPosition>{axis[-1]}</endPosition>
</positions>
<intensities unit="counts">{numbers(heights)}</intensities>
</dataPoints></scan></xrdMeasurement></xrdMeasurements>
""".encode()


def rasx(axis, heights):
    root = (
        '<Root><Data0 Type="Profile"><ContentHashList Name="Profile0.txt"/>'
        '<ContentHashList Name="MesurementConditions0.xml"/></Data0></Root>'
    )
    conditions = (
        "<Conditions><XrayGenerator><WavelengthKbeta>1.392246</WavelengthKbeta>"
        f"<WavelengthKalpha1>{WAVELENGTH}</WavelengthKalpha1></XrayGenerator></Conditions>"
    )
    return archive(
        {
            "root.xml": root,
            "Data0/Profile0.txt": table(axis, heights, "{:.4f}\t{:.3f}\t1", head="\ufeff"),
            "Data0/MesurementConditions0.xml": conditions,
        }
    )


def brml(axis, heights):
    container = (
        "<DataContainer><RawDataReferenceList><string>Experiment0/RawData0.xml</string>"
        "</RawDataReferenceList></DataContainer>"
    )
    rows = "".join(
        f"<Datum>1,1,{x:.4f},{x / 2:.4f},{y:.3f}</Datum>"
        for x, y in zip(axis, heights, strict=True)
    )
    raw = f"""<RawData xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><FixedInformation><Tube>
<WaveLengthAlpha1 Unit="Å" Value="{WAVELENGTH}" /></Tube></FixedInformation><DataRoutes>
<DataRoute RouteFlag="Measured">{rows}<DataViews>
<RawDataView xsi:type="FixedRawDataView" Start="0" Length="2" />
<RawDataView xsi:type="VaryingRawDataView" Start="2" Length="2"><Varying>
<FieldDefinitions FieldName="TwoTheta" AxisId="TwoTheta" />
<FieldDefinitions FieldName="Theta" AxisId="Theta" /></Varying></RawDataView>
<RawDataView xsi:type="RecordedRawDataView" Start="4" Length="1" />
</DataViews></DataRoute></DataRoutes></RawData>"""
    name = "Experiment0/"
    return archive({f"{name}DataContainer.xml": container, f"{name}RawData0.xml": raw.encode()})


def wavelengths(place):
    """The mean of Kα1 and Kα2, both, and Kβ of copper from a place on."""
    values = (1.5418, WAVELENGTH, 1.54439, 1.39222)
    return [(place + 8 * i, "d", value) for i, value in enumerate(values)]


def raw4(axis, heights):
    """Bruker .raw, version 4."""
    head = field(61, (0, "7s", b"RAW4.00"))
    hardware = field(136, (0, "I", 30), (4, "I", 136), *wavelengths(72))
    scan = field(
        160,
        (32, "24s", b"Locked Coupled"),
        (72, "d", axis[0]),
        (80, "d", axis[1] - axis[0]),
        (88, "I", len(axis)),
        (136, "I", 4),
    )
    return head + hardware + scan + np.asarray(heights, "<f4").tobytes()


def raw3(axis, heights):
    """Bruker .raw, version 3."""
    head = field(712, (0, "7s", b"RAW1.01"), (12, "I", 1), *wavelengths(616))
    scan = field(
        304,
        (0, "I", 304),
        (4, "I", len(axis)),
        (16, "d", axis[0]),
        (176, "d", axis[1] - axis[0]),
        (252, "I", 4),
    )
    return head + scan + np.asarray(heights, "<f4").tobytes()


def ras(axis, heights):
    head = f"""*RAS_DATA_START
*RAS_HEADER_START
*HW_XG_WAVE_LENGTH_ALPHA1 "{WAVELENGTH}"
*MEAS_SCAN_AXIS_X "TwoThetaTheta"
*MEAS_DATA_COUNT "{len(axis)}"
*RAS_HEADER_END
*RAS_INT_START
"""
    end = b"*RAS_INT_END\n*RAS_DATA_END\n"
    return table(axis, heights, "{:.4f} {:.3f} 1", head=head) + end


def uxd(axis, heights):
    return f"""; an export
_FILEVERSION=2
_WL1={WAVELENGTH}
_DRIVE='COUPLED'
_START={axis[0]}
_STEPSIZE={axis[1] - axis[0]}
_COUNTS
{numbers(heights)}
""".encode()


def gsas(axis, heights):
    start, step = 100 * axis[0], 100 * (axis[1] - axis[0])
    rows = numbers(heights).replace(" ", "\n")
    bank = f"BANK 1 {len(axis)} {len(axis)} CONST {start} {step} 0 0"
    return f"powder\n{bank}\n{rows}\n".encode()


def pdcif(axis, heights):
    head = f"""data_powder
_diffrn_radiation_wavelength {WAVELENGTH}
loop_
_pd_meas_2theta_scan
_pd_meas_counts_total
"""
    return table(axis, heights, head=head)
