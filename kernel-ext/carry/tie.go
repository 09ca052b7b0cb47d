package carry

import (
	"errors"
	"reflect"
	"unsafe"
)

var errHoldsItself = errors.New("it holds itself, in a way that its types' own methods cannot bring back")

// tieAll makes what leads to objects lead there, and finishes each object when those are finished that it holds by value: a map when its
// keys are whole, what a codec carries when all that stands for it is. It keeps its own stack: a list may be longer than Go's.
func (d *decoder) tieAll() error {
	type step struct {
		o    *made
		next int
	}
	for _, root := range d.made[1:] {
		if root.state != untied {
			continue
		}
		root.state = tying
		for stack := []step{{root, 0}}; len(stack) > 0; {
			s := &stack[len(stack)-1]
			if s.next < len(s.o.ties) {
				to := d.made[s.o.ties[s.next].to]
				if s.next++; to.state == untied {
					to.state = tying
					stack = append(stack, step{to, 0})
				}
				continue
			}
			for i := range s.o.ties {
				d.tie(&s.o.ties[i])
			}
			if err := s.o.finish(); err != nil {
				return err
			}
			s.o.state, s.o.ties = tied, nil
			stack = stack[:len(stack)-1]
		}
	}
	for _, o := range d.made[1:] {
		if o.how == newCoded && o.coded.codec.loaded != nil {
			o.coded.codec.loaded(o.value)
		}
	}
	return nil
}

// tie sets a place to what it leads to.
func (d *decoder) tie(t *tie) {
	to := d.made[t.to]
	switch to.how {
	case newRegion, newRaw:
		p := unsafe.Add(to.at, t.off)
		if t.in.kind == reflect.Slice {
			*(*sliceHeader)(t.at) = sliceHeader{p, t.len, t.cap}
		} else {
			*(*unsafe.Pointer)(t.at) = p
		}
		return
	case newMap:
	default: // held by value
		if to.state != tied {
			fail(errHoldsItself)
		}
		if !to.value.Type().AssignableTo(t.in.t) {
			fail(errDamaged)
		}
	}
	reflect.NewAt(t.in.t, t.at).Elem().Set(to.value)
}

// finish makes the value of an object whose parts are whole.
func (o *made) finish() error {
	switch o.how {
	case newMap:
		for i := range o.pairs.n {
			o.value.SetMapIndex(reflect.NewAt(o.in.mapKey.t, o.pairs.key(i)).Elem(), reflect.NewAt(o.in.elem.t, o.pairs.val(i)).Elem())
		}
		o.pairs = nil
	case newBox:
		o.value = o.keep.Elem()
	case newError:
		o.value = reflect.ValueOf((*carriedError)(o.at).value())
	case newCoded:
		v := reflect.New(o.coded.t).Elem()
		if err := o.coded.codec.unpack(o.keep, v); err != nil {
			return err
		}
		o.value = v
	case newByFace:
		v := reflect.New(o.coded.t).Elem()
		if err := registered(o.coded.t).unpack(o.keep, v); err != nil {
			return err
		}
		if o.value = v.Elem(); !o.value.IsValid() {
			return errDamaged
		}
	}
	return nil
}
