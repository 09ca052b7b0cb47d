package wire

import (
	"fmt"
	"math/bits"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/mapped"
)

// Link is an end of a connection with the memory that both ends see. One goroutine may receive while others send.
type Link struct {
	*Conn

	sending sync.Mutex
	out     []byte // where frames are put together

	mu      sync.Mutex
	ended   bool
	made    map[uint64]*segment // of ours
	unused  map[int][]*segment  // those of ours that may be used, by size
	kept    int                 // bytes of those
	mapped  map[uint64]*segment // of the other end
	next    uint64              // number of our next segment
	pending map[Kind][]uint64   // numbers that the next frame tells before itself
	queued  bool                // a frame waits for the next one

	// The timer tells what waits if there is no frame soon. It ticks as long as frames are sent: setting it for each of them, which has the
	// runtime wake a thread, would cost more than they do.
	timer   *time.Timer
	ticking bool
	sent    int // how often something was sent
	seen    int // sent at the last tick
}

// segment is a piece of shared memory.
type segment struct {
	id      uint64
	memory  []byte
	busy    bool // a value lies in it
	writing bool // of ours: one is being written, and the other end does not know of it yet
}

const (
	// maxKept bounds the bytes of segments that wait for their next use.
	maxKept = 256 << 20
	// maxSegments bounds the segments of an end that the other has mapped.
	maxSegments = 4096
	// soon is how often it is looked whether something waits for a frame that takes it along: for at most twice as long.
	soon = 5 * time.Millisecond
)

// NewLink returns the end of a connection.
func NewLink(c *Conn) *Link {
	l := &Link{Conn: c, made: map[uint64]*segment{}, unused: map[int][]*segment{}, mapped: map[uint64]*segment{}, pending: map[Kind][]uint64{}}
	l.timer = time.AfterFunc(time.Hour, l.tick)
	l.timer.Stop()
	return l
}

// startTicking has the timer look after what waits. l.mu is held.
func (l *Link) startTicking() {
	if !l.ticking && !l.ended {
		l.ticking = true
		l.timer.Reset(soon)
	}
}

// tick sends what waits since the last tick at least, and ticks on if something was sent since then or waits.
func (l *Link) tick() {
	l.mu.Lock()
	waits, quiet := l.waits(), l.seen == l.sent
	l.seen = l.sent
	l.ticking = false
	if !quiet || waits {
		l.startTicking()
	}
	l.mu.Unlock()
	if quiet && waits {
		_ = l.Flush()
	}
}

// waits reports whether something waits for the next frame. l.mu is held.
func (l *Link) waits() bool {
	n := 0
	for _, list := range l.pending {
		n += len(list)
	}
	return l.queued || n > 0
}

// classSize rounds up to a quarter of a power of two, so that sizes which are nearly alike share segments.
func classSize(n int) int {
	step := 1 << max(bits.Len(uint(n-1))-3, 14)
	return (n + step - 1) &^ (step - 1)
}

// End ends the connection, and gives the memory back: that which values lie in when they are released.
func (l *Link) End() {
	l.Conn.Close()
	l.timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.ended = true
	for _, s := range l.made {
		if !s.writing { // else who writes finds out that this is the end
			unmap(s.memory)
		}
	}
	for _, s := range l.mapped {
		if !s.busy {
			unmap(s.memory)
		}
	}
}

// take returns a segment of ours that nobody uses, and its descriptor if the other end does not know it, else -1.
func (l *Link) take(bytes int) (s *segment, fd int, err error) {
	size := classSize(bytes)
	l.mu.Lock()
	if list := l.unused[size]; len(list) > 0 {
		s = list[len(list)-1]
		l.unused[size] = list[:len(list)-1]
		l.kept -= size
		s.writing = true
		l.mu.Unlock()
		return s, -1, nil
	}
	l.next++
	id := l.next
	l.mu.Unlock()
	memory, fd, err := newSegment(size)
	if err != nil {
		return nil, -1, err
	}
	return &segment{id: id, memory: memory, writing: true}, fd, nil
}

// written notes that a value lies in a segment of ours; it reports whether there is still somebody to tell of it.
func (l *Link) written(s *segment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.writing, s.busy = false, true
	if l.ended {
		unmap(s.memory)
		return false
	}
	l.made[s.id] = s
	return true
}

// reuse takes segments of ours back that the other end is done with.
func (l *Link) reuse(ids []uint64) error {
	var given []*segment
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		s := l.made[id]
		if s == nil || !s.busy {
			return fmt.Errorf("a segment is given back that was not given (%d)", id)
		}
		s.busy = false
		if size := len(s.memory); l.kept+size <= maxKept && !l.ended {
			l.unused[size] = append(l.unused[size], s)
			l.kept += size
		} else {
			delete(l.made, id)
			given = append(given, s)
		}
	}
	for _, s := range given {
		unmap(s.memory)
		l.later(KindSegmentDrop, s.id)
	}
	return nil
}

// Later has a number told with the next frame, or soon.
func (l *Link) Later(kind Kind, id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.later(kind, id)
}

func (l *Link) later(kind Kind, id uint64) {
	if l.ended {
		return
	}
	l.startTicking()
	l.pending[kind] = append(l.pending[kind], id)
}

// laterKinds are the kinds of frames that are lists of numbers, in the order in which they are told.
var laterKinds = []Kind{KindFree, KindDropExe, KindSegmentFree, KindSegmentDrop}

// maxList bounds the numbers in one frame.
const maxList = MaxBody / 16

// appendPending puts the frames of the pending numbers together.
func (l *Link) appendPending(b []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range laterKinds {
		for part := range slices.Chunk(l.pending[kind], maxList) {
			var w Writer
			w.Numbers(part)
			b = append(Header{Kind: kind, Body: len(w.Body)}.Append(b), w.Body...)
		}
		l.pending[kind] = l.pending[kind][:0]
	}
	return b
}

// Numbers writes a list of numbers.
func (w *Writer) Numbers(list []uint64) {
	w.Uint(uint64(len(list)))
	for _, x := range list {
		w.Uint(x)
	}
}

// Texts writes a list of texts.
func (w *Writer) Texts(list []string) {
	w.Uint(uint64(len(list)))
	for _, s := range list {
		w.Text(s)
	}
}

// Texts reads a list of texts.
func (r *Reader) Texts() []string {
	list := make([]string, r.Count())
	for i := range list {
		list[i] = r.Text()
	}
	return list
}

// Numbers reads a list of numbers.
func (r *Reader) Numbers() []uint64 {
	list := make([]uint64, r.Count())
	for i := range list {
		list[i] = r.Uint()
	}
	return list
}

// Flush sends what waits for the next frame.
func (l *Link) Flush() error {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.out = l.appendPending(l.out)
	if len(l.out) == 0 {
		return nil
	}
	return l.flush(-1)
}

// flush sends what was put together. l.sending is held.
func (l *Link) flush(fd int) error {
	l.mu.Lock()
	l.queued = false
	l.sent++
	l.mu.Unlock()
	b := l.out
	if l.out = b[:0]; cap(b) > maxBuffer {
		l.out = nil
	}
	return l.send(b, fd)
}

// Send sends a frame.
func (l *Link) Send(kind Kind, id uint64, body []byte) error {
	return l.frame(kind, id, body, nil, -1, false)
}

// Queue sends a frame that can wait: it goes with the next one, or soon.
func (l *Link) Queue(kind Kind, id uint64, body []byte) error {
	return l.frame(kind, id, body, nil, -1, true)
}

// SendFile sends a frame with a descriptor of a file, which stays the caller's.
func (l *Link) SendFile(kind Kind, id uint64, body []byte, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = l.frame(kind, id, body, nil, int(fd), false) }); err != nil {
		return err
	}
	return sent
}

const (
	// maxBuffer bounds the memory that is kept to put frames together.
	maxBuffer = 256 << 10
	// maxWaiting bounds the bytes that wait for the next frame.
	maxWaiting = 64 << 10
)

// frame sends a frame with a body in two parts, and all that waits before it. One that waits goes with the next one, or soon.
func (l *Link) frame(kind Kind, id uint64, body, rest []byte, fd int, waits bool) error {
	if n := len(body) + len(rest); n > MaxBody {
		return fmt.Errorf("a frame of %d bytes, want %d at most", n, MaxBody)
	}
	l.sending.Lock()
	defer l.sending.Unlock()
	l.out = l.appendPending(l.out)
	if fd >= 0 && len(l.out) > 0 { // the descriptor comes with the first byte of its own frame
		if err := l.flush(-1); err != nil {
			return err
		}
	}
	l.out = append(append(Header{Kind: kind, ID: id, Body: len(body) + len(rest), Descriptor: fd >= 0}.Append(l.out), body...), rest...)
	if waits && fd < 0 && len(l.out) < maxWaiting {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.ended {
			l.queued = true
			l.startTicking()
			return nil
		}
	}
	return l.flush(fd)
}

// Places where the bytes of a value lie.
const (
	within    = 0 // the frame
	inSegment = 1 // a segment that the other end knows
	inNewOne  = 2 // one that comes with the frame
)

// SendBytes sends a frame whose body ends with bytes, which lie in it or in shared memory. head is what the body begins with.
func (l *Link) SendBytes(kind Kind, id uint64, head Writer, data []byte) error {
	return l.sendBytes(kind, id, head, data, false)
}

func (l *Link) sendBytes(kind Kind, id uint64, head Writer, data []byte, waits bool) error {
	if len(data) < SharedFrom {
		head.Uint(within)
		return l.frame(kind, id, head.Body, data, -1, waits)
	}
	s, fd, err := l.take(len(data))
	if err != nil {
		return err
	}
	copy(s.memory, data)
	if fd >= 0 {
		defer closeDescriptor(fd)
		head.Uint(inNewOne)
		head.Uint(uint64(len(s.memory)))
	} else {
		head.Uint(inSegment)
	}
	head.Uint(s.id)
	head.Uint(uint64(len(data)))
	if !l.written(s) {
		return errEnded
	}
	return l.frame(kind, id, head.Body, nil, fd, waits) // after an error the connection is of no use: its end frees the segment
}

var errEnded = &Error{Unknown, "the connection is at its end"}

// ReceiveBytes reads what the body of a frame ends with. Bytes that lie in the frame are valid as long as that is; of others done
// must be called once.
func (l *Link) ReceiveBytes(f *Frame, r *Reader) (data []byte, done func(), err error) {
	where := r.Uint()
	if where == within {
		data = r.Rest()
		return data, func() {}, r.Err()
	}
	size := 0
	if where == inNewOne {
		size = int(min(r.Uint(), 1<<56))
	}
	id, n := r.Uint(), r.Uint()
	if err := r.Done(); err != nil {
		return nil, nil, err
	}
	s, err := l.segment(f, where, id, size, n)
	if err != nil {
		return nil, nil, err
	}
	return s.memory[:n], sync.OnceFunc(func() { l.release(s) }), nil
}

// segment returns the segment in which a value of n bytes lies, and marks it as used.
func (l *Link) segment(f *Frame, where, id uint64, size int, n uint64) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.mapped[id]
	switch {
	case l.ended:
		return nil, errEnded
	case where == inNewOne && (s != nil || f.FD < 0 || size < SharedFrom || len(l.mapped) >= maxSegments):
		return nil, fmt.Errorf("a new segment (%d) of %d bytes that is none", id, size)
	case where == inNewOne:
		memory, err := mapSegment(f.FD, size)
		if err != nil {
			return nil, err
		}
		s = &segment{id: id, memory: memory}
		l.mapped[id] = s
	case where != inSegment || s == nil:
		return nil, fmt.Errorf("a value lies in a segment that is not known (%d)", id)
	case s.busy:
		return nil, fmt.Errorf("two values lie in one segment (%d)", id)
	}
	if n > uint64(len(s.memory)) {
		return nil, fmt.Errorf("a value of %d bytes lies in a segment of %d", n, len(s.memory))
	}
	s.busy = true
	return s, nil
}

// release gives a segment of the other end back.
func (l *Link) release(s *segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.busy = false
	if l.ended {
		unmap(s.memory)
		return
	}
	l.later(KindSegmentFree, s.id)
}

// forget unmaps segments that the other end has given up.
func (l *Link) forget(ids []uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		s := l.mapped[id]
		if s == nil || s.busy {
			return fmt.Errorf("a segment is given up that is in use or not known (%d)", id)
		}
		delete(l.mapped, id)
		unmap(s.memory)
	}
	return nil
}

// Handle does what frames about segments ask for, and reports whether the frame was one.
func (l *Link) Handle(f *Frame) (handled bool, err error) {
	if f.Kind != KindSegmentFree && f.Kind != KindSegmentDrop {
		return false, nil
	}
	r := NewReader(f.Payload)
	ids := r.Numbers()
	if err := r.Done(); err != nil {
		return true, err
	}
	if f.Kind == KindSegmentFree {
		return true, l.reuse(ids)
	}
	return true, l.forget(ids)
}

// SendValue sends a frame whose body ends with a tensor.
func (l *Link) SendValue(kind Kind, id uint64, head Writer, t *tensors.Tensor) error {
	return l.sendValue(kind, id, head, t, false)
}

// QueueValue is SendValue for a frame that is not answered: it goes with the next frame, or soon, so that a step's inputs and its run
// are one call of the system.
func (l *Link) QueueValue(kind Kind, id uint64, head Writer, t *tensors.Tensor) error {
	return l.sendValue(kind, id, head, t, true)
}

func (l *Link) sendValue(kind Kind, id uint64, head Writer, t *tensors.Tensor, waits bool) error {
	head.Shape(t.Shape())
	var sent error
	err := t.ConstBytes(func(data []byte) {
		if sent = mapped.Check(data); sent == nil { // with half a frame sent the connection would be of no use
			sent = l.sendBytes(kind, id, head, data, waits)
		}
	})
	if err != nil {
		return err
	}
	return sent
}

// ReceiveValue reads the tensor that the body of a frame ends with. Large ones lie in shared memory, which is the other end's again
// when nobody has the tensor any more.
func (l *Link) ReceiveValue(f *Frame, r *Reader) (*tensors.Tensor, error) {
	s := r.Shape()
	data, done, err := l.ReceiveBytes(f, r)
	if err != nil {
		return nil, err
	}
	if len(data) != s.ByteSize() {
		done()
		return nil, fmt.Errorf("a value %s of %d bytes, want %d", s, len(data), s.ByteSize())
	}
	return tensorOf(s, data, done)
}

func tensorOf(s shapes.Shape, data []byte, done func()) (*tensors.Tensor, error) {
	if len(data) < SharedFrom {
		defer done()
		return tensors.FromBytes(s, data)
	}
	storage, err := tensors.MappedStorage(data, done)
	if err != nil {
		done()
		return nil, err
	}
	t, err := tensors.FromStorage(s, storage)
	if err != nil {
		storage.Release()
	}
	return t, err
}
