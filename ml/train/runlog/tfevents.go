package runlog

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// Event files are TFRecords of protocol buffers, of which these few are written by hand:
//
//	Event:   1 wall_time double, 2 step int64, 3 file_version string, 5 summary
//	Summary: 1 value …; Value: 1 tag string, 2 simple_value float
//
// Source: tensorflow/core/util/event.proto and framework/summary.proto; a record is its length, a checksum of that, the data, a checksum of these
// (tensorflow.org/tutorials/load_data/tfrecord), the checksums "masked".

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a record: a CRC of data that hold CRCs themselves is rotated and moved.
func masked(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

func record(data []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, masked(out))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, masked(data))
}

// Kinds of fields: a number of any length, eight bytes, a length and as many bytes, four bytes.
const (
	varint, fixed64, bytes, fixed32 = 0, 1, 2, 5
)

func field(out []byte, number, kind int) []byte {
	return binary.AppendUvarint(out, uint64(number<<3|kind))
}

func sized(out []byte, number int, data []byte) []byte {
	out = binary.AppendUvarint(field(out, number, bytes), uint64(len(data)))
	return append(out, data...)
}

func event(at time.Time, step int64, what []byte) []byte {
	seconds := float64(at.UnixNano()) / 1e9
	out := binary.LittleEndian.AppendUint64(field(nil, 1, fixed64), math.Float64bits(seconds))
	out = binary.AppendUvarint(field(out, 2, varint), uint64(step))
	return append(out, what...)
}

// version is what the first event of a file has.
func version() []byte { return sized(nil, 3, []byte("brain.Event:2")) }

func summary(values []byte) []byte { return sized(nil, 5, values) }

func scalar(tag string, value float64) []byte {
	v := sized(nil, 1, []byte(tag))
	v = binary.LittleEndian.AppendUint32(field(v, 2, fixed32), math.Float32bits(float32(value)))
	return sized(nil, 1, v)
}
