//go:build cgo && (linux || darwin)

package double

// #cgo CFLAGS: -I${SRCDIR}/../capi -O0 -g0
// #include "table.h"
import "C"

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/ir"
)

// The thousands of functions of the tables, three instructions each, are what -O0 -g0 is for: they compile in a
// quarter of the time.

// Options are settings of a double. The zero value is like XLA's plugin for CPUs.
type Options struct {
	// Devices is how many devices a client has, 4 if 0. A client's option cpu_device_count comes before it.
	Devices int

	// Platform is "cpu" or "cuda", "cpu" if empty. On "cuda" the host has no access to the devices' memory.
	Platform string

	// Version is what clients give as the platform's version, "double 1" if empty.
	Version string

	// MinorVersion is the minor version in the table, 81 if 0, and StructSize the table's size in bytes, that of
	// MinorVersion 81 if 0 (and at most that of the header in package capi, 104). Slots beyond it are traps.
	MinorVersion, StructSize int

	// MajorVersion is the major version in the table.
	MajorVersion int

	// NullSlots names functions that the table does not have, such as "PJRT_Device_MemoryStats".
	NullSlots []string

	// MemoryLimit is how many bytes a device has, 0 for any number.
	MemoryLimit int64

	// Async makes transfers and executions go on after their calls have returned, on goroutines of their own.
	Async bool

	// WaitLimit bounds the wait for an event, a minute if 0. Where it is reached, the wait is an error
	// (DEADLINE_EXCEEDED) instead of endless.
	WaitLimit time.Duration

	// Faults are what goes wrong from the beginning, see [Double.SetFaults].
	Faults Faults
}

// lastSlot is the last slot that a plugin of minor version 81 has.
const lastSlot = C.SLOT_PJRT_LoadedExecutable_GetDeviceAssignment

// Double is a plugin. It is safe for several goroutines.
type Double struct {
	options Options
	number  int // of its set of functions
	api     *C.PJRT_Api
	engine  ir.Backend
	space   space
	stop    chan struct{}  // closed by Close
	running sync.WaitGroup // what goes on behind calls that have returned
	closed  atomic.Bool

	mu         sync.Mutex
	live       map[uintptr]object
	violations []string
	faults     []*armed
	lost       string // why all calls fail, if they do
	stats      Stats
	attributes *namedValues
	deletions  []func() // callbacks to be called without the lock
}

var tables struct {
	sync.Mutex
	doubles [C.NUM_TABLES]*Double // by number: the one that has it, or had it last
	all     []*Double             // ever made
}

// New returns a plugin. It panics if 16 others have not been closed: there are no more sets of functions.
func New(o Options) *Double {
	if o.Devices == 0 {
		o.Devices = 4
	}
	if o.Platform == "" {
		o.Platform = "cpu"
	}
	if o.Version == "" {
		o.Version = "double 1"
	}
	if o.MinorVersion == 0 {
		o.MinorVersion = 81
	}
	if o.WaitLimit == 0 {
		o.WaitLimit = time.Minute
	}
	size := int(unsafe.Sizeof(C.PJRT_Api{}))
	if o.StructSize == 0 {
		o.StructSize = slotOffset(lastSlot + 1)
	}
	o.StructSize = min(o.StructSize, size)
	var null []int
	for _, name := range o.NullSlots {
		slot := slices.Index(slotNames, name)
		if slot < 0 {
			panic(fmt.Sprintf("double.New: the table has no slot %q", name))
		}
		null = append(null, slot)
	}

	tables.Lock()
	defer tables.Unlock()
	number := slices.IndexFunc(tables.doubles[:], func(d *Double) bool { return d == nil || d.closed.Load() })
	if number < 0 {
		panic(fmt.Sprintf("double.New: %d doubles are in use: Close those that are not needed", C.NUM_TABLES))
	}
	d := &Double{options: o, number: number, engine: gocpu.New(), live: map[uintptr]object{}, space: newSpace(), stop: make(chan struct{})}
	d.SetFaults(o.Faults)
	d.api = C.quireNewTable(C.int(number))
	d.api.struct_size = C.size_t(o.StructSize)
	d.api.pjrt_api_version.major_version = C.int(o.MajorVersion)
	d.api.pjrt_api_version.minor_version = C.int(o.MinorVersion)
	for _, slot := range null {
		C.quireClearSlot(d.api, C.int(slot))
	}
	tables.doubles[number] = d
	tables.all = append(tables.all, d)
	return d
}

// slotOffset returns where a slot is in the table.
func slotOffset(slot int) int {
	return int(unsafe.Offsetof(C.PJRT_Api{}.PJRT_Error_Destroy)) + slot*int(unsafe.Sizeof(uintptr(0)))
}

// Table returns the address of the function table, a PJRT_Api, as a plugin's GetPjrtApi returns it. It stays
// readable after Close, since who knows it may keep it.
func (d *Double) Table() uintptr { return uintptr(unsafe.Pointer(d.api)) }

// Close frees all that is left. Calls of the table's functions fail from then on, those that destroy something
// succeed and do nothing.
func (d *Double) Close() {
	if d.closed.Swap(true) {
		return
	}
	close(d.stop)
	d.running.Wait()
	defer d.tellDeleted()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.live {
		o.free(d)
	}
	clear(d.live)
	d.engine.Close()
}

// Stats counts what lives and what was done.
type Stats struct {
	Clients, Buffers, Executables, LoadedExecutables, Events, Errors int // that live

	DeviceBytes int64 // memory of all devices that is in use, without views of the host's
	HostBytes   int64 // serialized programs that the caller has not given back

	Compiled, Deserialized, Executed, ToDevice, ToHost int // calls that succeeded
}

// Live returns how many objects live: 0 after everything was destroyed.
func (s Stats) Live() int {
	return s.Clients + s.Buffers + s.Executables + s.LoadedExecutables + s.Events + s.Errors
}

// Stats returns the counts as they are now.
func (d *Double) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	for _, o := range d.live {
		switch o := o.(type) {
		case *client:
			s.Clients++
			for _, dev := range o.devices {
				s.DeviceBytes += dev.inUse
			}
		case *buffer:
			s.Buffers++
		case *executable:
			s.Executables++
		case *loaded:
			s.LoadedExecutables++
		case *event:
			s.Events++
		case *failure:
			s.Errors++
		}
	}
	return s
}

// Violations returns the callers' mistakes so far, each a sentence that names the function.
func (d *Double) Violations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.violations)
}

// tellDeleted calls the callbacks of views that are gone.
func (d *Double) tellDeleted() {
	d.mu.Lock()
	list := d.deletions
	d.deletions = nil
	d.mu.Unlock()
	for _, f := range list {
		f()
	}
}

// noted notes a mistake of the caller that is found behind its back, and returns it as an error.
func (d *Double) noted(slot int, format string, args ...any) error {
	d.violate(slot, format, args...)
	return errorf(InvalidArgument, format, args...)
}

// violate notes a mistake of the caller. The caller of this holds no lock.
func (d *Double) violate(slot int, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.violations = append(d.violations, slotNames[slot]+": "+fmt.Sprintf(format, args...))
}
