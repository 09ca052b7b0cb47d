//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"unsafe"
)

// A serialized program is this mark, the SHA-256 of what follows, the version of the platform and the compile
// options, each after its length, and the text.
const mark = "quire double 1\n"

// serialize returns a program's bytes.
func (d *Double) serialize(c *code) []byte {
	var body []byte
	for _, part := range [][]byte{[]byte(d.options.Version), c.optionBytes} {
		body = binary.AppendUvarint(body, uint64(len(part)))
		body = append(body, part...)
	}
	body = append(body, c.source...)
	sum := sha256.Sum256(body)
	return append(append([]byte(mark), sum[:]...), body...)
}

// deserialize returns the text and the options of a program. What is broken, or was made by another version, is an
// error of code INTERNAL, as the real plugin has it.
func (d *Double) deserialize(data []byte) (source, options []byte, err error) {
	body, ok := bytes.CutPrefix(data, []byte(mark))
	if !ok || len(body) < sha256.Size {
		return nil, nil, errorf(Internal, "the serialized program is of another kind, or cut off")
	}
	sum, body := [sha256.Size]byte(body), body[sha256.Size:]
	if sha256.Sum256(body) != sum {
		return nil, nil, errorf(Internal, "the serialized program is damaged")
	}
	var parts [2][]byte
	for i := range parts {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return nil, nil, errorf(Internal, "the serialized program is damaged")
		}
		parts[i], body = body[n:n+int(size)], body[n+int(size):]
	}
	if string(parts[0]) != d.options.Version {
		return nil, nil, errorf(Internal, "the program was serialized by version %q, and this is %q", parts[0], d.options.Version)
	}
	return body, parts[1], nil
}

// lent is what callers hold until they call a deleter, which says only where it is; those that they gave back
// stay known by their address until it is used again.
var lent = struct {
	sync.Mutex
	by map[unsafe.Pointer]loan
}{by: map[unsafe.Pointer]loan{}}

type loan struct {
	d    *Double
	size int
	back bool
}

// lend returns a copy of data in memory of C.
func (d *Double) lend(data []byte) unsafe.Pointer {
	p := C.CBytes(data)
	lent.Lock()
	defer lent.Unlock()
	lent.by[p] = loan{d: d, size: len(data)}
	d.add(func(s *Stats) { s.HostBytes += int64(len(data)) })
	return p
}

//export quireDoubleBack
func quireDoubleBack(p unsafe.Pointer) {
	lent.Lock()
	defer lent.Unlock()
	l, ok := lent.by[p]
	switch {
	case !ok: // nobody's, or NULL
	case l.back:
		l.d.violate(C.SLOT_PJRT_Executable_Serialize, "%d bytes are given back twice", l.size)
	default:
		l.back = true
		lent.by[p] = l
		l.d.add(func(s *Stats) { s.HostBytes -= int64(l.size) })
		C.free(p)
	}
}

func init() {
	handle(C.SLOT_PJRT_Executable_Serialize, func(d *Double, a *C.PJRT_Executable_Serialize_Args) error {
		e, err := get[*executable](d, a.executable)
		if err != nil {
			return err
		}
		if err := d.strike(Serialize, nil); err != nil {
			return err
		}
		data := d.serialize(e.code)
		p := d.lend(data)
		a.serialized_bytes, a.serialized_bytes_size = (*C.char)(p), C.size_t(len(data))
		give(&a.serialized_executable, uintptr(p))
		a.serialized_executable_deleter = (*[0]byte)(C.quireFreeSerialized)
		return nil
	})
	handle(C.SLOT_PJRT_Executable_DeserializeAndLoad, func(d *Double, a *C.PJRT_Executable_DeserializeAndLoad_Args) error {
		c, err := get[*client](d, a.client)
		switch {
		case err != nil:
			return err
		case a.serialized_executable == nil:
			return violation("the serialized program is NULL")
		}
		if err := d.strike(Deserialize, nil); err != nil {
			return err
		}
		source, options, err := d.deserialize(C.GoBytes(unsafe.Pointer(a.serialized_executable), C.int(a.serialized_executable_size)))
		if err != nil {
			return err
		}
		if a.overridden_serialized_compile_options != nil {
			options = C.GoBytes(unsafe.Pointer(a.overridden_serialized_compile_options), C.int(a.overridden_serialized_compile_options_size))
		}
		l, err := d.load(c, source, options)
		if err != nil {
			return err
		}
		give(&a.loaded_executable, l.handle)
		d.add(func(s *Stats) { s.Deserialized++ })
		return nil
	})
	handle(C.SLOT_PJRT_LoadedExecutable_GetDeviceAssignment, func(d *Double, a *C.PJRT_LoadedExecutable_GetDeviceAssignment_Args) error {
		l, err := get[*loaded](d, a.executable)
		if err != nil {
			return err
		}
		data := l.assignment()
		p := d.lend(data)
		a.serialized_bytes, a.serialized_bytes_size = (*C.char)(p), C.size_t(len(data))
		give(&a.serialized_device_assignment, uintptr(p))
		a.serialized_device_assignment_deleter = (*[0]byte)(C.quireFreeAssignment)
		return nil
	})
}

// assignment returns the devices of a program as a DeviceAssignmentProto.
func (l *loaded) assignment() []byte {
	o := l.code.options
	message := func(to []byte, field int, b []byte) []byte {
		return append(binary.AppendUvarint(binary.AppendUvarint(to, uint64(field<<3|2)), uint64(len(b))), b...)
	}
	number := func(to []byte, field, v int) []byte {
		return binary.AppendUvarint(binary.AppendUvarint(to, uint64(field<<3)), uint64(v))
	}
	b := number(number(nil, fieldReplicaCount, o.replicas), fieldComputations, o.partitions)
	for p := range o.partitions {
		var ids []byte
		for r := range o.replicas {
			ids = binary.AppendUvarint(ids, uint64(l.where()[r*o.partitions+p].id))
		}
		b = message(b, fieldComputation, message(nil, fieldReplicaDevice, ids))
	}
	return b
}
