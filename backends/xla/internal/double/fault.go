//go:build cgo && (linux || darwin)

package double

import (
	"fmt"
	"slices"
	"sync"
)

// Call is a call that can go wrong.
type Call string

// The calls. Those marked with an event can also fail later, through it.
const (
	Initialize   Call = "initialize"
	ClientCreate Call = "create client"
	Devices      Call = "devices" // of a client
	Compile      Call = "compile"
	Serialize    Call = "serialize"
	Deserialize  Call = "deserialize"
	ToDevice     Call = "to device" // event
	ToHost       Call = "to host"   // event
	CopyToDevice Call = "copy"      // from one device to another
	Execute      Call = "execute"   // event, one per device
	NumOutputs   Call = "outputs"   // of an executable
	MemoryStats  Call = "memory"    // of a device
	CompileStats Call = "stats"     // of an executable's memory
	DestroyAny   Call = "destroy"   // of a buffer or executable
)

// Fault makes calls go wrong: with an error, late, or with a number that is not true.
type Fault struct {
	At Call

	// Code and Message are the error; the message may be left out. With code OK nothing fails.
	Code    Code
	Message string

	// Event lets the call itself succeed, and what happens happens to its event.
	Event bool

	// Until, if not nil, holds the call or its event back until it is closed. Nobody needs to close it: waits are
	// bounded by Options.WaitLimit.
	Until <-chan struct{}

	// Devices are the numbers of the devices that are affected, nil for all.
	Devices []int

	// Skip lets so many calls pass first, and Times is how many are affected then, 0 for all.
	Skip, Times int

	// Lose loses the devices: every call from then on fails with UNAVAILABLE, except those that destroy.
	Lose bool

	// Outputs is added to the number of outputs that an executable gives (at NumOutputs). As many are written.
	Outputs int
}

// Faults are what goes wrong. Of several that fit a call the first one counts.
type Faults []Fault

// armed is a fault with its counts.
type armed struct {
	Fault
	mu   sync.Mutex
	seen int
}

// SetFaults replaces the faults. Devices that were lost are there again.
func (d *Double) SetFaults(f Faults) {
	list := make([]*armed, len(f))
	for i, fault := range f {
		list[i] = &armed{Fault: fault}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults, d.lost = list, ""
}

// hits counts a call and reports whether the fault affects it.
func (f *armed) hits(call Call, dev *device, event bool) bool {
	if f.At != call || f.Event != event || dev != nil && f.Devices != nil && !slices.Contains(f.Devices, dev.id) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen++
	return f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times)
}

// fault returns the fault that affects a call, or its event, nil if there is none.
func (d *Double) fault(call Call, dev *device, event bool) *Fault {
	d.mu.Lock()
	faults := d.faults
	d.mu.Unlock()
	for _, f := range faults {
		if f.hits(call, dev, event) {
			return &f.Fault
		}
	}
	return nil
}

// strike lets a fault affect a call and returns its error.
func (d *Double) strike(call Call, dev *device) error {
	f := d.fault(call, dev, false)
	if f == nil {
		return nil
	}
	d.hold(f.Until)
	return d.error(f, dev)
}

// hold waits until a channel is closed, or for the limit.
func (d *Double) hold(until <-chan struct{}) {
	if until == nil {
		return
	}
	e := newEvent()
	go func() {
		select {
		case <-until:
		case <-d.stop:
		}
		e.set(nil)
	}()
	_ = d.wait(e) // the limit only bounds the wait
}

// error returns a fault's error, and loses the devices if that is the fault.
func (d *Double) error(f *Fault, dev *device) error {
	if f.Lose {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.lost = "the device is lost"
		if dev != nil {
			d.lost = fmt.Sprintf("%s is lost", dev)
		}
		if f.Message != "" {
			d.lost = f.Message
		}
		return errorf(Unavailable, "%s", d.lost)
	}
	if f.Code == OK {
		return nil
	}
	message := f.Message
	if message == "" {
		message = fmt.Sprintf("injected fault at %q", f.At)
	}
	return errorf(f.Code, "%s", message)
}

// end ends an event with err, unless a fault of the call's event has it end otherwise or later.
func (d *Double) end(e *event, err error, call Call, dev *device) {
	f := d.fault(call, dev, true)
	if f == nil {
		e.set(err)
		return
	}
	if failed := d.error(f, dev); failed != nil {
		err = failed
	}
	if f.Until == nil {
		e.set(err)
		return
	}
	go func() {
		select {
		case <-f.Until:
		case <-d.stop:
		}
		e.set(err)
	}()
}
