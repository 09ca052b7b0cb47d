package carry

import (
	"encoding/binary"
	"errors"
	"os"
	"reflect"
	"unsafe"
)

// encoder writes one value, in two passes. The first finds all memory that belongs to the value, and asks codecs for what stands for
// theirs; the second writes it, each stretch of memory once (see region). What the first pass made lives until the value is
// written: addresses are only good as names of memory that is not freed.
type encoder struct {
	root *info
	lend bool // what it writes ends with its kernel, see Codec.Lend

	// first pass
	seen    map[extent]bool
	extents []extent
	queue   []extent // whose elements are to be looked at
	maps    map[unsafe.Pointer]*mapCopy
	boxes   map[unsafe.Pointer]*box // by the place of the interface
	coded   map[codedKey]*codedValue
	types   map[string]*info // that contents of interfaces may have, besides known ones

	// second pass
	regions  []region
	objects  []object
	typeNums map[*info]int

	body   []byte
	blocks [][]byte
}

// codedKey is a value's: the memory, or the pointer for one that a codec carries by what it points to.
type codedKey struct {
	at unsafe.Pointer
	in *info
}

// object is what is written once, and by its number from then on.
type object struct {
	in    *info
	at    unsafe.Pointer
	n     int
	pairs *mapCopy
}

// mapCopy holds the keys and values of a map, in an order that equal maps share.
type mapCopy struct {
	in         *info
	keys, vals unsafe.Pointer
	n          int
	keep       [2]reflect.Value
	id         int
}

// box holds a copy of what an interface holds.
type box struct {
	in    *info
	at    unsafe.Pointer
	as    *codedValue // instead, for a value that is known by its interface
	iface reflect.Type
	text  *carriedError // instead, for an error of a type that is not known
	keep  reflect.Value
}

// codedValue is a value that a codec carries.
type codedValue struct {
	codec *codec
	stand reflect.Value // pointer
	in    *info         // of what stands for it
	id    int
	lent  bool // it names what lives elsewhere
}

// What a number of an object is followed by when it is new.
const (
	newRegion = 'r'
	newRaw    = 'w'
	newMap    = 'm'
	newBox    = 'b'
	newError  = 'e'
	newByFace = 'i'
	newCoded  = 'c'
)

var errChanging = errors.New("it was being changed while it was saved")

// encode writes the value that at points to; lend says that it is for a file that ends with its kernel.
func encode(at reflect.Value, lend bool) (e *encoder, err error) {
	root := infoOf(at.Type().Elem())
	for range 3 { // another goroutine may be changing it
		e = &encoder{root: root, lend: lend}
		if err = e.encode(at.UnsafePointer()); !errors.Is(err, errChanging) {
			break
		}
		e.release()
	}
	return e, err
}

func (e *encoder) encode(at unsafe.Pointer) error {
	if !e.root.refs { // the common case, and most of what flows
		return e.value(at, e.root)
	}
	e.seen, e.typeNums = map[extent]bool{}, map[*info]int{}
	if err := e.find(at); err != nil {
		return err
	}
	var err error
	if e.regions, err = mergeRegions(e.extents); err != nil {
		return err
	}
	return e.write(at)
}

// release lets codecs have back what they gave.
func (e *encoder) release() {
	for _, c := range e.coded {
		if c.codec.release != nil {
			c.codec.release(c.stand)
		}
	}
}

// lends reports whether the value has something that lives elsewhere.
func (e *encoder) lends() bool {
	for _, c := range e.coded {
		if c.lent {
			return true
		}
	}
	return false
}

// lent tells codecs of the file in which what they have lent is named.
func (e *encoder) lent(f *os.File) error {
	for _, c := range e.coded {
		if c.lent && c.codec.lent != nil {
			if err := c.codec.lent(c.stand, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// find looks at all memory that the value at a place leads to.
func (e *encoder) find(at unsafe.Pointer) error {
	e.extend(at, e.root, 1)
	for len(e.queue) > 0 {
		x := e.queue[len(e.queue)-1]
		e.queue = e.queue[:len(e.queue)-1]
		for i := range x.n {
			one := extent{unsafe.Add(x.at, uintptr(i)*x.elem.size), x.elem, 1}
			if x.n > 1 { // slices may overlap: each element is looked at once
				if e.seen[one] {
					continue
				}
				e.seen[one] = true
			}
			if err := e.look(one.at, one.elem); err != nil {
				return err
			}
		}
	}
	return nil
}

// extend notes memory that a pointer or a slice leads to.
func (e *encoder) extend(at unsafe.Pointer, elem *info, n int) {
	x := extentOf(at, elem, n)
	if x.n == 0 || x.elem.size == 0 || e.seen[x] {
		return
	}
	e.seen[x] = true
	e.extents = append(e.extents, x)
	if x.elem.refs {
		e.queue = append(e.queue, x)
	}
}

// look notes what a value leads to. It goes no deeper than its type does.
func (e *encoder) look(at unsafe.Pointer, in *info) error {
	switch {
	case !in.refs:
		return nil
	case in.codec != nil:
		_, err := e.code(at, in)
		return err
	}
	switch in.kind {
	case reflect.Array:
		for i := range in.n {
			if err := e.look(unsafe.Add(at, uintptr(i)*in.elem.size), in.elem); err != nil {
				return err
			}
		}
	case reflect.Struct:
		if in.why != "" {
			return errors.New(in.why)
		}
		for i := range in.fields {
			f := &in.fields[i]
			if err := e.look(unsafe.Add(at, f.offset), f.info); err != nil {
				return within(in, f, err)
			}
		}
	case reflect.Slice:
		s := (*sliceHeader)(at)
		if s.data != nil {
			e.extend(s.data, in.elem, s.cap)
		}
	case reflect.Interface:
		return e.lookInside(at, in)
	default: // a pointer
		p := *(*unsafe.Pointer)(at)
		switch {
		case p == nil:
		case in.why != "":
			return errors.New(in.why)
		case in.kind == reflect.Map:
			e.lookMap(p, at, in)
		default:
			e.extend(p, in.elem, 1)
		}
	}
	return nil
}

// within says of which field an error is, in a type that can be named.
func within(in *info, f *field, err error) error {
	if in.t.Name() == "" {
		return err
	}
	var inner *fieldError
	if errors.As(err, &inner) {
		return err // it names the innermost
	}
	return &fieldError{in.t.String() + "." + f.name, err}
}

type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return "its field " + e.field + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// sliceHeader is a slice as the runtime lays it out.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// code asks the codec of a value for what stands for it, once.
func (e *encoder) code(at unsafe.Pointer, in *info) (*codedValue, error) {
	key := codedKey{at, in}
	if in.kind == reflect.Pointer {
		if key.at = *(*unsafe.Pointer)(at); key.at == nil {
			return nil, nil
		}
	}
	return e.codeAs(key, in.codec, reflect.NewAt(in.t, at).Elem())
}

func (e *encoder) codeAs(key codedKey, c *codec, v reflect.Value) (*codedValue, error) {
	if made := e.coded[key]; made != nil {
		return made, nil
	}
	var stand reflect.Value
	var lent bool
	var err error
	if e.lend && c.lend != nil {
		stand, lent, err = c.lend(v)
	} else {
		stand, err = c.pack(v)
	}
	if err != nil {
		return nil, err
	}
	made := &codedValue{codec: c, stand: stand, in: infoOf(c.stand), lent: lent}
	if e.coded == nil {
		e.coded = map[codedKey]*codedValue{}
	}
	e.coded[key] = made
	e.later(stand.UnsafePointer(), made.in, 1)
	return made, nil
}

// later has elements looked at that nothing else leads to: a chain of maps or interfaces may be longer than a stack.
func (e *encoder) later(at unsafe.Pointer, in *info, n int) {
	if in.refs && n > 0 {
		e.queue = append(e.queue, extent{at, in, n})
	}
}

// lookMap copies a map, and has its keys and values looked at.
func (e *encoder) lookMap(p, at unsafe.Pointer, in *info) {
	if e.maps[p] != nil {
		return
	}
	if e.maps == nil {
		e.maps = map[unsafe.Pointer]*mapCopy{}
	}
	m := copyMap(reflect.NewAt(in.t, at).Elem(), in)
	e.maps[p] = m
	e.later(m.keys, in.mapKey, m.n)
	e.later(m.vals, in.elem, m.n)
}

func (m *mapCopy) key(i int) unsafe.Pointer { return unsafe.Add(m.keys, uintptr(i)*m.in.mapKey.size) }
func (m *mapCopy) val(i int) unsafe.Pointer { return unsafe.Add(m.vals, uintptr(i)*m.in.elem.size) }

// lookInside copies what an interface holds, and looks at it.
func (e *encoder) lookInside(at unsafe.Pointer, in *info) error {
	v := reflect.NewAt(in.t, at).Elem()
	if v.IsNil() || e.boxes[at] != nil {
		return nil
	}
	if e.boxes == nil {
		e.boxes = map[unsafe.Pointer]*box{}
	}
	b, err := e.boxOf(v, in)
	if err != nil {
		return err
	}
	e.boxes[at] = b
	if b.in != nil {
		e.later(b.at, b.in, 1)
	}
	return nil
}

func (e *encoder) boxOf(v reflect.Value, in *info) (*box, error) {
	t := v.Elem().Type()
	if e.nameable(t) {
		held := reflect.New(t)
		held.Elem().Set(v.Elem())
		return &box{in: infoOf(t), at: held.UnsafePointer(), keep: held}, nil
	}
	if in.t == errorType {
		return &box{text: textOf(v.Interface().(error))}, nil
	}
	if face, c := interfaceCodec(t); c != nil && face.AssignableTo(in.t) {
		as := reflect.New(face).Elem()
		as.Set(v.Elem())
		key := codedKey{as.Addr().UnsafePointer(), infoOf(face)}
		if t.Kind() == reflect.Pointer {
			key.at = v.Elem().UnsafePointer() // one value, however many interfaces hold it
		}
		made, err := e.codeAs(key, c, as)
		return &box{as: made, iface: face}, err
	}
	for p := t; ; p = p.Elem() {
		if why := infoOf(p).why; why != "" {
			return nil, errors.New(why)
		}
		if p.Kind() != reflect.Pointer {
			break
		}
	}
	return nil, errors.New("it holds a " + t.String() + " behind an interface (" + in.t.String() + "), of which a later cell would not know the type: give the variable that type")
}

// nameable reports whether a later cell finds a type by its key.
func (e *encoder) nameable(t reflect.Type) bool {
	if e.types == nil {
		e.types = map[string]*info{}
		e.root.collect(e.types)
	}
	found := resolve(typeKey(t), e.types)
	return found == t
}

// write writes all objects, each behind the one that led to it.
func (e *encoder) write(at unsafe.Pointer) error {
	if e.root.size == 0 {
		return nil
	}
	if r, off := find(e.regions, at); r == nil || off != 0 || !r.holds(0, extentOf(at, e.root, 1).elem, extentOf(at, e.root, 1).n) {
		return errShared
	} else if err := e.toRegion(r, 0); err != nil {
		return err
	}
	for i := 0; i < len(e.objects); i++ {
		if err := e.contents(e.objects[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) contents(o object) error {
	if m := o.pairs; m != nil {
		e.uint(m.n)
		for i := range m.n {
			if err := e.value(m.key(i), m.in.mapKey); err != nil {
				return err
			}
			if err := e.value(m.val(i), m.in.elem); err != nil {
				return err
			}
		}
		return nil
	}
	if o.in.plain {
		e.memory(unsafe.Slice((*byte)(o.at), uintptr(o.n)*o.in.size))
		return nil
	}
	for i := range o.n {
		if err := e.value(unsafe.Add(o.at, uintptr(i)*o.in.size), o.in); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) uint(n int) { e.body = binary.AppendUvarint(e.body, uint64(n)) }

// memory writes plain bytes: into the body, or as a block of their own.
func (e *encoder) memory(b []byte) {
	e.uint(len(b))
	if len(b) < blockMin || len(e.blocks) == maxBlocks {
		e.body = append(e.body, b...)
		return
	}
	e.blocks = append(e.blocks, b)
}

// value writes a value in place, and the numbers of objects that it leads to.
func (e *encoder) value(at unsafe.Pointer, in *info) error {
	switch {
	case in.plain:
		e.body = append(e.body, unsafe.Slice((*byte)(at), in.size)...)
		return nil
	case in.t == memoryType:
		e.memory((*Memory)(at).Data)
		return nil
	case in.codec != nil:
		return e.toCoded(at, in)
	}
	switch in.kind {
	case reflect.String:
		s := *(*string)(at)
		e.memory(unsafe.Slice(unsafe.StringData(s), len(s)))
	case reflect.Array:
		for i := range in.n {
			if err := e.value(unsafe.Add(at, uintptr(i)*in.elem.size), in.elem); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for i := range in.fields {
			f := &in.fields[i]
			if err := e.value(unsafe.Add(at, f.offset), f.info); err != nil {
				return err
			}
		}
	case reflect.Slice:
		return e.toSlice(*(*sliceHeader)(at), in)
	case reflect.Interface:
		return e.toBox(at, in)
	case reflect.Map:
		return e.toMap(*(*unsafe.Pointer)(at), in)
	case reflect.Pointer:
		return e.toPointer(*(*unsafe.Pointer)(at), in)
	default: // a function or a channel that is nil
		if *(*unsafe.Pointer)(at) != nil {
			return errChanging
		}
		e.uint(0)
	}
	return nil
}

func (e *encoder) toPointer(p unsafe.Pointer, in *info) error {
	switch {
	case p == nil:
		e.uint(0)
		return nil
	case in.elem.size == 0:
		e.uint(1) // it leads to something, which is nothing
		return nil
	}
	return e.toMemory(p, in.elem, 1)
}

// What the number before a slice says.
const (
	nilSlice    = 0
	emptySlice  = 1 // without memory
	filledSlice = 2
)

func (e *encoder) toSlice(s sliceHeader, in *info) error {
	switch {
	case s.data == nil:
		e.uint(nilSlice)
		return nil
	case s.cap == 0 || in.elem.size == 0:
		e.uint(emptySlice)
	default:
		e.uint(filledSlice)
		if err := e.toMemory(s.data, in.elem, s.cap); err != nil {
			return err
		}
	}
	e.uint(s.len)
	e.uint(s.cap)
	return nil
}

// toMemory writes the region that n elements lie in, and their place in it.
func (e *encoder) toMemory(p unsafe.Pointer, elem *info, n int) error {
	x := extentOf(p, elem, n)
	if x.n == 0 || x.elem.size == 0 {
		return errChanging
	}
	r, off := find(e.regions, p)
	if r == nil || !r.holds(off, x.elem, x.n) {
		return errChanging
	}
	return e.toRegion(r, off)
}

func (e *encoder) toRegion(r *region, off uintptr) error {
	if r.id == 0 {
		r.id = e.add(object{in: r.elem, at: r.at, n: r.n})
		if e.uint(r.id); r.raw {
			e.body = append(e.body, newRaw)
		} else {
			e.body = append(e.body, newRegion)
			e.typ(r.elem)
		}
		e.uint(r.n)
	} else {
		e.uint(r.id)
	}
	e.uint(int(off))
	return nil
}

// add gives an object the next number.
func (e *encoder) add(o object) int {
	e.objects = append(e.objects, o)
	return len(e.objects)
}

// typ writes a type: its number, the first time with its key.
func (e *encoder) typ(in *info) {
	n, ok := e.typeNums[in]
	if !ok {
		n = len(e.typeNums)
		e.typeNums[in] = n
	}
	if e.uint(n); !ok {
		e.body = appendText(e.body, in.key)
	}
}

func (e *encoder) toMap(p unsafe.Pointer, in *info) error {
	if p == nil {
		e.uint(0)
		return nil
	}
	m := e.maps[p]
	if m == nil || m.in != in {
		return errChanging
	}
	if m.id != 0 {
		e.uint(m.id)
		return nil
	}
	m.id = e.add(object{pairs: m})
	e.uint(m.id)
	e.body = append(e.body, newMap)
	e.typ(in)
	return nil
}

func (e *encoder) toBox(at unsafe.Pointer, in *info) error {
	b := e.boxes[at]
	if nothing := reflect.NewAt(in.t, at).Elem().IsNil(); nothing && b == nil {
		e.uint(0)
		return nil
	} else if nothing || b == nil {
		return errChanging
	}
	switch {
	case b.text != nil:
		e.uint(e.add(object{in: errorInfo, at: unsafe.Pointer(b.text), n: 1}))
		e.body = append(e.body, newError)
	case b.as != nil && b.as.id != 0:
		e.uint(b.as.id)
	case b.as != nil:
		b.as.id = e.add(object{in: b.as.in, at: b.as.stand.UnsafePointer(), n: 1})
		e.uint(b.as.id)
		e.body = append(e.body, newByFace)
		e.typ(infoOf(b.iface))
	default:
		e.uint(e.add(object{in: b.in, at: b.at, n: 1}))
		e.body = append(e.body, newBox)
		e.typ(b.in)
	}
	return nil
}

func (e *encoder) toCoded(at unsafe.Pointer, in *info) error {
	key := codedKey{at, in}
	if in.kind == reflect.Pointer {
		if key.at = *(*unsafe.Pointer)(at); key.at == nil {
			e.uint(0)
			return nil
		}
	}
	c := e.coded[key]
	if c == nil {
		return errChanging
	}
	if c.id != 0 {
		e.uint(c.id)
		return nil
	}
	c.id = e.add(object{in: c.in, at: c.stand.UnsafePointer(), n: 1})
	e.uint(c.id)
	e.body = append(e.body, newCoded)
	e.typ(in)
	return nil
}
