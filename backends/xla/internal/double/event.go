//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"sync"
	"time"
)

// event is something that ends later, with err.
type event struct {
	done chan struct{}
	once sync.Once
	err  error // once done is closed
}

func newEvent() *event { return &event{done: make(chan struct{})} }

func (*event) kind() kind   { return anEvent }
func (*event) free(*Double) {}

// set ends the event; what comes later changes nothing.
func (e *event) set(err error) {
	e.once.Do(func() {
		e.err = err
		close(e.done)
	})
}

func (e *event) ready() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// wait waits for the event and returns its error, or DEADLINE_EXCEEDED.
func (d *Double) wait(e *event) error {
	if e.ready() {
		return e.err
	}
	limit := time.NewTimer(d.options.WaitLimit)
	defer limit.Stop()
	select {
	case <-e.done:
		return e.err
	case <-d.stop:
		return errorf(FailedPrecondition, "the double is closed")
	case <-limit.C:
		return errorf(DeadlineExceeded, "the event was not ready after %s", d.options.WaitLimit)
	}
}

func init() {
	handle(C.SLOT_PJRT_Event_Destroy, func(d *Double, a *C.PJRT_Event_Destroy_Args) error {
		return destroy[*event](d, a.event)
	})
	handle(C.SLOT_PJRT_Event_IsReady, func(d *Double, a *C.PJRT_Event_IsReady_Args) error {
		e, err := get[*event](d, a.event)
		if err == nil {
			a.is_ready = C.bool(e.ready())
		}
		return err
	})
	handle(C.SLOT_PJRT_Event_Error, func(d *Double, a *C.PJRT_Event_Error_Args) error {
		e, err := get[*event](d, a.event)
		switch {
		case err != nil:
			return err
		case !e.ready():
			return violation("the error of an event is asked for that is not ready")
		}
		return e.err
	})
	handle(C.SLOT_PJRT_Event_Await, func(d *Double, a *C.PJRT_Event_Await_Args) error {
		e, err := get[*event](d, a.event)
		if err != nil {
			return err
		}
		return d.wait(e)
	})
}
