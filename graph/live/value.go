package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"weak"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
)

// ErrReleased is what the error of a use of an array is whose value was given back, by [Release] or at the end of a [Scope].
var ErrReleased = errors.New("the array was released")

// value is a value that arrays have, or will have. It lies on the engine, on the host until it is first used, or in a file.
type value struct {
	session *Session
	shape   shapes.Shape
	site    ir.Site
	number  any           // a number of Go, in the place of everything below
	stream  string        // of the run that computes it
	pending chan struct{} // closed when the run that computes it has ended; nil if it was at hand from the beginning

	mu       sync.Mutex
	err      error // of that run
	host     *tensors.Tensor
	buffer   ir.Buffer
	file     *os.File // holds the elements while they are spilled
	uses     int
	kept     bool
	freed    bool
	released string // where; "" if nobody has it any more

	// Under the mutex of memory:
	owner func() *Array // nil if nobody has it any more
	used  uint64        // when it was used last
	at    residence
}

// residence is where a value is counted.
type residence uint8

const (
	nowhere  residence = iota
	resident           // on the engine or on the host
	spilled            // in a file
)

// ready reports whether the value is known.
func (v *value) ready() bool {
	if v.pending == nil {
		return true
	}
	select {
	case <-v.pending:
		return v.failure() == nil
	default:
		return false
	}
}

func (v *value) failure() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

// lease is a use of a value: its buffer stays until the end.
type lease struct {
	value  *value
	buffer ir.Buffer
}

// end ends the use.
func (l lease) end() {
	v := l.value
	if v.number != nil {
		l.buffer.Close()
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.uses--; v.uses == 0 && v.freed {
		v.close()
	}
}

// lease waits until the value is known and returns a use of it. What was spilled is read.
func (v *value) lease(ctx context.Context) (l lease, err error) {
	if v.pending != nil {
		select {
		case <-v.pending:
		case <-ctx.Done():
			return l, ctx.Err()
		}
	}
	backend, err := v.session.backend()
	if err != nil {
		return l, err
	}
	if v.number != nil {
		t, err := v.one()
		if err != nil {
			return l, err
		}
		b, err := backend.Put(t)
		return lease{v, b}, err
	}
	if err := v.session.memory.bring(v); err != nil { // before v is locked: others may have to give way
		return l, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.err != nil:
		return l, v.err
	case v.freed:
		return l, fmt.Errorf("%w at %s: compute it again from what it was made of, or release it later", ErrReleased, v.released)
	}
	if v.buffer == nil {
		if err := v.fetch(backend); err != nil {
			return l, err
		}
	}
	v.uses++
	v.session.memory.touch(v)
	return lease{v, v.buffer}, nil
}

// one returns the number of Go that v is.
func (v *value) one() (*tensors.Tensor, error) {
	return tensors.FromAnyValue(dtypes.Convert(v.number, v.shape.DType))
}

// tensor returns the value on the host. What never was on an engine needs none.
func (v *value) tensor(ctx context.Context) (*tensors.Tensor, error) {
	if v.number != nil {
		return v.one()
	}
	v.mu.Lock()
	if v.host != nil {
		defer v.mu.Unlock()
		return v.host.Share(), nil
	}
	v.mu.Unlock()
	l, err := v.lease(ctx)
	if err != nil {
		return nil, err
	}
	defer l.end()
	return l.buffer.ToHost()
}

// fetch puts the value on the engine. v.mu is held.
func (v *value) fetch(backend ir.Backend) error {
	t := v.host
	if v.file != nil {
		var err error
		if t, err = tensors.New(v.shape); err != nil {
			return err
		}
		err = t.MutableBytes(func(data []byte) { _, err = v.file.ReadAt(data, 0) })
		if err != nil {
			return fmt.Errorf("reading what was spilled of %s: %w", v.shape, err)
		}
	}
	b, err := backend.Put(t)
	if err != nil {
		return err
	}
	t.Close()
	if v.file != nil {
		v.file.Close()
	}
	v.buffer, v.host, v.file = b, nil, nil
	v.session.memory.move(v, resident)
	return nil
}

// spill writes the value to a file and gives its memory back, unless it is in use or kept. It reports whether it did.
func (v *value) spill() (done bool, err error) {
	if !v.mu.TryLock() { // somebody is about to use it
		return false, nil
	}
	defer v.mu.Unlock()
	if v.uses > 0 || v.kept || v.freed || v.file != nil || v.buffer == nil && v.host == nil {
		return false, nil
	}
	t := v.host
	if v.buffer != nil {
		if t, err = v.buffer.ToHost(); err != nil {
			return false, err
		}
	}
	f, err := os.CreateTemp("", "quire-live-*")
	if err != nil {
		return false, err
	}
	os.Remove(f.Name()) // it ends with its descriptor; where that cannot be, when the value does
	if e := t.ConstBytes(func(data []byte) { _, err = f.WriteAt(data, 0) }); err == nil {
		err = e
	}
	if err != nil {
		f.Close()
		return false, err
	}
	t.Close()
	if v.buffer != nil {
		v.buffer.Close()
	}
	v.buffer, v.host, v.file = nil, nil, f
	v.session.memory.move(v, spilled)
	return true, nil
}

// free gives the value back, when its last use ends. Where it was released is said to who asks for it.
func (v *value) free(where string) {
	if v.number != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.freed {
		return
	}
	v.freed, v.released = true, where
	if v.uses == 0 {
		v.close()
	}
}

// close gives memory and file back. v.mu is held.
func (v *value) close() {
	if v.buffer != nil {
		v.buffer.Close()
	}
	if v.host != nil {
		v.host.Close()
	}
	if v.file != nil {
		v.file.Close()
		os.Remove(v.file.Name())
	}
	v.buffer, v.host, v.file = nil, nil, nil
	v.session.memory.move(v, nowhere)
}

// memory is the account of a session's values.
type memory struct {
	mu          sync.Mutex
	values      map[*value]struct{}
	live        int64
	inFiles     int64
	added       int64 // since the last collection for the limit's sake
	peak        int64
	limit       int64
	collections int
	clock       uint64
	scopes      []*[]*value // of what is born inside, the innermost last
}

// add notes that a has the value v, which is resident: it is given back when nobody has a any more.
func (m *memory) add(a *Array, v *value) {
	w := weak.Make(a)
	runtime.AddCleanup(a, func(v *value) { v.free("") }, v)
	m.mu.Lock()
	v.owner = w.Value
	m.values[v] = struct{}{}
	m.added += int64(v.shape.ByteSize())
	if n := len(m.scopes); n > 0 {
		*m.scopes[n-1] = append(*m.scopes[n-1], v)
	}
	m.moved(v, resident) // at once: whoever finds it among the values may give it back
	m.mu.Unlock()
}

// move counts v where it lies now.
func (m *memory) move(v *value, to residence) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moved(v, to)
}

// moved is move with m.mu held.
func (m *memory) moved(v *value, to residence) {
	n := int64(v.shape.ByteSize())
	m.count(v.at, -n)
	m.count(to, n)
	if v.at = to; to == nowhere {
		delete(m.values, v)
	}
	m.peak = max(m.peak, m.live)
}

// count adds bytes where they lie. m.mu is held.
func (m *memory) count(at residence, bytes int64) {
	switch at {
	case resident:
		m.live += bytes
	case spilled:
		m.inFiles += bytes
	}
}

// touch notes that v is used.
func (m *memory) touch(v *value) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock++
	v.used = m.clock
}

// bring makes room for v if it is in a file.
func (m *memory) bring(v *value) error {
	m.mu.Lock()
	away := v.at == spilled
	m.mu.Unlock()
	if !away {
		return nil
	}
	return m.room(int64(v.shape.ByteSize()))
}

// room sees to it that so many bytes more are within the limit: values that nobody has any more are given back, and then those that were not
// used for the longest time are spilled, but for kept ones and those in use.
func (m *memory) room(bytes int64) error {
	if m.fits(bytes) {
		return nil
	}
	if m.due(bytes) {
		runtime.GC()
		m.sweep()
	}
	tried := map[*value]bool{}
	for !m.fits(bytes) {
		v := m.oldest(tried)
		if v == nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			return fmt.Errorf("%s more is needed, and %s of the limit of %s is taken by arrays that are kept or in use: Release some of them, or SetLimit to more",
				bytesize.Text(bytes), bytesize.Text(m.live), bytesize.Text(m.limit))
		}
		tried[v] = true
		if _, err := v.spill(); err != nil {
			return fmt.Errorf("spilling %s to a file: %w", v.shape, err)
		}
	}
	return nil
}

// due reports whether a collection may find something: an eighth of the limit was added since the last one.
func (m *memory) due(bytes int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.added < max(m.limit/8, bytes) {
		return false
	}
	m.added = 0
	m.collections++
	return true
}

func (m *memory) fits(bytes int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit <= 0 || m.live+bytes <= m.limit
}

// oldest returns the resident value that was not used for the longest time, nil if all were tried.
func (m *memory) oldest(tried map[*value]bool) (v *value) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for x := range m.values {
		if x.at == resident && !tried[x] && (v == nil || x.used < v.used) {
			v = x
		}
	}
	return v
}

// sweep gives back the values of arrays that were collected.
func (m *memory) sweep() {
	m.mu.Lock()
	var gone []*value
	for v := range m.values {
		if v.owner() == nil {
			gone = append(gone, v)
		}
	}
	m.mu.Unlock()
	for _, v := range gone {
		v.free("")
	}
}

// owners returns the arrays that have values.
func (m *memory) owners() (list []*Array) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for v := range m.values {
		if a := v.owner(); a != nil {
			list = append(list, a)
		}
	}
	return list
}
