"""Writes flowers.parquet and odd.parquet, as other programs write them.

    python make.py      (pyarrow 26.0.1)
"""
import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq

n = 10
flowers = pa.table({
    "width": pa.array([i / 4 for i in range(n)], pa.float32()),
    "length": pa.array([None if i in (3, 7) else i * 2.5 for i in range(n)], pa.float64()),
    "petals": pa.array([None if i == 5 else i for i in range(n)], pa.int32()),
    "species": pa.array([["rose", "tulip", None, "aster"][i % 4] for i in range(n)], pa.string()),
    "wild": pa.array([i % 3 == 0 for i in range(n)], pa.bool_()),
    "code": pa.array([[float(i)] * (i % 4) if i != 6 else None for i in range(n)], pa.list_(pa.float32())),
    "image": pa.array([{"height": i, "bytes": bytes([i, 255])} for i in range(n)], pa.struct([("height", pa.int64()), ("bytes", pa.binary())])),
})
pq.write_table(flowers, "flowers.parquet", row_group_size=4, compression="zstd")

odd = pa.table({
    "i8": pa.array([-128, 127, 0], pa.int8()), "u8": pa.array([0, 255, 1], pa.uint8()),
    "i16": pa.array([-32768, 32767, 0], pa.int16()), "u16": pa.array([0, 65535, 1], pa.uint16()),
    "i32": pa.array([-2**31, 2**31 - 1, 0], pa.int32()), "u32": pa.array([0, 2**32 - 1, 1], pa.uint32()),
    "i64": pa.array([-2**63, 2**63 - 1, 0], pa.int64()), "u64": pa.array([0, 2**64 - 1, 1], pa.uint64()),
    "date": pa.array([datetime.date(1970, 1, 2), datetime.date(2000, 1, 1), datetime.date(1969, 12, 31)], pa.date32()),
    "time": pa.array([1, 2, 3], pa.timestamp("us")),
    "price": pa.array([decimal.Decimal("1.25"), decimal.Decimal("-0.01"), decimal.Decimal("9.99")], pa.decimal128(9, 2)),
    "words": pa.array([["a", "b"], [], ["c", None]], pa.list_(pa.string())),
    "nested": pa.array([[[1]], [[2, 3]], []], pa.list_(pa.list_(pa.int32()))),
    "big": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("9.99")], pa.decimal128(30, 2)),
    "half": pa.array([1.5, 2.5, -3.0], pa.float16()),
})
pq.write_table(odd, "odd.parquet", compression="snappy", store_decimal_as_integer=True, use_dictionary=["i32"], data_page_version="2.0")
for codec in ["gzip", "lz4", "brotli", "none"]:
    pq.write_table(flowers.select(["width", "petals"]), codec + ".parquet", compression=codec)
