//go:build cgo && (linux || darwin)

package double

import (
	"encoding/binary"
	"fmt"
)

// compileOptions are what the double looks at in a CompileOptionsProto.
type compileOptions struct {
	replicas, partitions int
	portable             bool  // may run on any one device
	shardy               bool  // shardings are read from the text
	devices              []int // by replica, then by partition; nil if none are assigned
}

// Numbers of the fields, from XLA's compile_options.proto and xla_data.proto.
const (
	fieldBuildOptions  = 3
	fieldPortable      = 4
	fieldReplicas      = 4
	fieldPartitions    = 5
	fieldAssignment    = 9
	fieldShardy        = 19
	fieldReplicaCount  = 1
	fieldComputations  = 2
	fieldComputation   = 3
	fieldReplicaDevice = 1
)

// parseOptions reads a serialized CompileOptionsProto.
func parseOptions(data []byte) (compileOptions, error) {
	o := compileOptions{replicas: 1, partitions: 1}
	var rows [][]int // of the assignment: a row per partition, as the message has it
	var replicas, computations int
	computation := func(b []byte) error {
		var ids []int
		err := fields(b, func(field int, v uint64, b []byte) error {
			if field != fieldReplicaDevice {
				return nil
			}
			if b == nil {
				ids = append(ids, int(v))
			}
			for len(b) > 0 { // packed
				id, n := binary.Uvarint(b)
				if n <= 0 {
					return errBroken
				}
				ids, b = append(ids, int(id)), b[n:]
			}
			return nil
		})
		rows = append(rows, ids)
		return err
	}
	assignment := func(b []byte) error {
		return fields(b, func(field int, v uint64, b []byte) error {
			switch field {
			case fieldReplicaCount:
				replicas = int(v)
			case fieldComputations:
				computations = int(v)
			case fieldComputation:
				return computation(b)
			}
			return nil
		})
	}
	build := func(b []byte) error {
		return fields(b, func(field int, v uint64, b []byte) error {
			switch field {
			case fieldReplicas:
				o.replicas = int(int64(v))
			case fieldPartitions:
				o.partitions = int(int64(v))
			case fieldShardy:
				o.shardy = v != 0
			case fieldAssignment:
				return assignment(b)
			}
			return nil
		})
	}
	err := fields(data, func(field int, v uint64, b []byte) error {
		switch field {
		case fieldBuildOptions:
			return build(b)
		case fieldPortable:
			o.portable = v != 0
		}
		return nil
	})
	if err != nil {
		return o, err
	}
	o.replicas, o.partitions = max(o.replicas, 1), max(o.partitions, 1)
	if o.replicas > maxDevices || o.partitions > maxDevices {
		return o, fmt.Errorf("%d replicas of %d partitions are more than there can be", o.replicas, o.partitions)
	}
	if rows == nil {
		return o, nil
	}
	if replicas != o.replicas || computations != o.partitions || len(rows) != o.partitions {
		return o, fmt.Errorf("the device assignment has %d replicas and %d partitions, the options have %d and %d",
			replicas, computations, o.replicas, o.partitions)
	}
	for r := range o.replicas {
		for _, row := range rows {
			if len(row) != o.replicas {
				return o, fmt.Errorf("the device assignment has %d devices for %d replicas", len(row), o.replicas)
			}
			o.devices = append(o.devices, row[r])
		}
	}
	return o, nil
}

var errBroken = fmt.Errorf("the message is broken")

// fields calls f with every field of a message: with its number if it is one, with its bytes otherwise.
//
// Source: https://protobuf.dev/programming-guides/encoding.
func fields(data []byte, f func(field int, v uint64, b []byte) error) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return errBroken
		}
		data = data[n:]
		var v uint64
		var b []byte
		switch tag & 7 {
		case 0:
			if v, n = binary.Uvarint(data); n <= 0 {
				return errBroken
			}
			data = data[n:]
		case 1, 5:
			size := 8
			if tag&7 == 5 {
				size = 4
			}
			if len(data) < size {
				return errBroken
			}
			b, data = data[:size], data[size:]
		case 2:
			size, n := binary.Uvarint(data)
			if n <= 0 || size > uint64(len(data)-n) {
				return errBroken
			}
			b, data = data[n:n+int(size):n+int(size)], data[n+int(size):]
		default:
			return errBroken
		}
		if err := f(int(tag>>3), v, b); err != nil {
			return err
		}
	}
	return nil
}
