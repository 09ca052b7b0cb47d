package carry

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"unsafe"
)

// decoder reads what an encoder wrote, also if it is damaged: it takes no more memory than what it reads may need, and returns
// errors. It first makes all objects and reads what lies in them, noting what leads where; then it ties them together, each after those
// that it holds by value.
type decoder struct {
	body   []byte
	blocks [][]byte
	types  map[string]*info // by key
	list   []*info          // by number
	made   []*made          // by number, from 1 on; those before were read
}

// made is an object that is being read.
type made struct {
	how   byte
	in    *info // of the elements, the map, or what the interface holds
	n     int
	raw   bool
	at    unsafe.Pointer
	keep  reflect.Value
	coded *info // of the value for which this stands
	pairs *mapCopy
	ties  []tie
	state tieState

	value reflect.Value // the map, the content of an interface, or the value that a codec made
}

type tieState int

const (
	untied tieState = iota
	tying
	tied
)

// tie is a place that leads to an object.
type tie struct {
	at       unsafe.Pointer
	in       *info
	to       int
	off      uintptr
	len, cap int
}

// damage is what the decoder panics with, in its own functions, where a file makes no sense.
type damage struct{ error }

func fail(err error) { panic(damage{err}) }

// decode sets *at to the value that was written. After an error it is zero.
func decode(c *content, at reflect.Value) (err error) {
	into := at.Elem()
	root := infoOf(into.Type())
	into.SetZero()
	d := &decoder{body: c.body, blocks: c.blocks, types: map[string]*info{}, made: []*made{nil}}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case damage:
			err = r.error
		default: // of reflect or the runtime, about what a whole file cannot hold, such as a key that has no hash
			err = errDamaged
		}
		if err != nil {
			into.SetZero()
		}
	}()
	root.collect(d.types)
	d.read(at.UnsafePointer(), root)
	if len(d.body) > 0 || len(d.blocks) > 0 {
		return errDamaged
	}
	return d.tieAll()
}

func (d *decoder) read(at unsafe.Pointer, root *info) {
	if !root.refs {
		d.value(nil, at, root)
		return
	}
	if root.size == 0 {
		return
	}
	first, x := tie{}, extentOf(at, root, 1)
	d.toRegion(&first)
	o := d.made[len(d.made)-1]
	if first.off != 0 || o.raw || o.in != x.elem || o.n != x.n {
		fail(errDamaged)
	}
	o.at = at
	for i := 1; i < len(d.made); i++ {
		d.contents(d.made[i])
	}
}

func (d *decoder) uint() int {
	n, k := binary.Uvarint(d.body)
	if k <= 0 || n > math.MaxInt {
		fail(errDamaged)
	}
	d.body = d.body[k:]
	return int(n)
}

func (d *decoder) byte() byte { return d.take(1)[0] }

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.body) {
		fail(errDamaged)
	}
	b := d.body[:n:n]
	d.body = d.body[n:]
	return b
}

// memory returns plain bytes: part of the body, or a block, which is the value's own.
func (d *decoder) memory() (b []byte, own bool) {
	n := d.uint()
	if n < blockMin || len(d.blocks) == 0 || len(d.blocks[0]) != n {
		return d.take(n), false
	}
	b = d.blocks[0]
	d.blocks = d.blocks[1:]
	return b, true
}

// fits fails if what is left cannot hold n values of a type.
func (d *decoder) fits(n int, in *info) {
	if n < 0 || n > 0 && in.least > 0 && n > len(d.body)/in.least || in.least == 0 && n > math.MaxInt32 {
		fail(errDamaged)
	}
}

func (d *decoder) typ() *info {
	n := d.uint()
	switch {
	case n < len(d.list):
		return d.list[n]
	case n > len(d.list):
		fail(errDamaged)
	}
	key := string(d.take(d.uint()))
	t := resolve(key, d.types)
	if t == nil {
		fail(errors.New("it holds a " + key + ", a type that this cell does not know: run the cells that declare it and that made the value again"))
	}
	in := infoOf(t)
	if d.types[in.key] != in {
		in.collect(d.types)
	}
	d.list = append(d.list, in)
	return in
}

// contents reads what lies in an object.
func (d *decoder) contents(o *made) {
	switch {
	case o.how == newMap:
		d.pairs(o)
		return
	case o.at != nil: // the variable itself
	case o.in.plain:
		d.plain(o)
		return
	default:
		d.fits(o.n, o.in)
		o.make()
	}
	for i := range o.n {
		d.value(o, unsafe.Add(o.at, uintptr(i)*o.in.size), o.in)
	}
}

// make makes the memory of an object.
func (o *made) make() {
	switch {
	case o.raw: // it may hold numbers of any size
		o.keep = reflect.ValueOf(make([]uint64, (o.n+7)/8))
		o.at = o.keep.UnsafePointer()
	case o.how == newRegion:
		o.keep = reflect.MakeSlice(reflect.SliceOf(o.in.t), o.n, o.n)
		o.at = o.keep.UnsafePointer()
	default:
		o.keep = reflect.New(o.in.t)
		o.at = o.keep.UnsafePointer()
	}
}

// plain reads an object that is plain memory. A block of the file becomes a region as it is.
func (d *decoder) plain(o *made) {
	b, own := d.memory()
	if uintptr(len(b)) != uintptr(o.n)*o.in.size {
		fail(errDamaged)
	}
	if own && (o.how == newRegion || o.how == newRaw) {
		o.at = unsafe.Pointer(unsafe.SliceData(b))
		return
	}
	o.make()
	copy(unsafe.Slice((*byte)(o.at), len(b)), b)
}

func (d *decoder) pairs(o *made) {
	n := d.uint()
	in := o.in
	if n > 0 && n > (len(d.body)+1)/max(1, in.mapKey.least+in.elem.least) {
		fail(errDamaged)
	}
	keys := reflect.MakeSlice(reflect.SliceOf(in.mapKey.t), n, n)
	vals := reflect.MakeSlice(reflect.SliceOf(in.elem.t), n, n)
	o.pairs = &mapCopy{in: in, keys: keys.UnsafePointer(), vals: vals.UnsafePointer(), n: n, keep: [2]reflect.Value{keys, vals}}
	o.value = reflect.MakeMapWithSize(in.t, n)
	for i := range n {
		d.value(o, o.pairs.key(i), in.mapKey)
		d.value(o, o.pairs.val(i), in.elem)
	}
}

// value reads a value that lies in an object, and notes what it leads to.
func (d *decoder) value(o *made, at unsafe.Pointer, in *info) {
	switch {
	case in.plain:
		copy(unsafe.Slice((*byte)(at), in.size), d.take(int(in.size)))
		return
	case in.t == memoryType:
		b, own := d.memory()
		if !own {
			b = append(make([]byte, 0, len(b)), b...)
		}
		(*Memory)(at).Data = b
		return
	case in.codec != nil:
		d.toObject(o, at, in, newCoded)
		return
	}
	switch in.kind {
	case reflect.String:
		if b, own := d.memory(); own {
			*(*string)(at) = unsafe.String(unsafe.SliceData(b), len(b))
		} else {
			*(*string)(at) = string(b)
		}
	case reflect.Array:
		for i := range in.n {
			d.value(o, unsafe.Add(at, uintptr(i)*in.elem.size), in.elem)
		}
	case reflect.Struct:
		for i := range in.fields {
			f := &in.fields[i]
			d.value(o, unsafe.Add(at, f.offset), f.info)
		}
	case reflect.Slice:
		d.toSlice(o, at, in)
	case reflect.Interface:
		d.toBox(o, at, in)
	case reflect.Map:
		d.toObject(o, at, in, newMap)
	case reflect.Pointer:
		d.toPointer(o, at, in)
	default: // a function or a channel that is nil
		if d.uint() != 0 {
			fail(errDamaged)
		}
	}
}

func (d *decoder) toPointer(o *made, at unsafe.Pointer, in *info) {
	if len(d.body) > 0 && d.body[0] == 0 {
		d.uint()
		return
	}
	if in.elem.size == 0 {
		d.uint()
		*(*unsafe.Pointer)(at) = reflect.New(in.elem.t).UnsafePointer() // Value.Convert would link conversions of all kinds into cells
		return
	}
	t := tie{at: at, in: in}
	d.toRegion(&t)
	d.check(&t, 1)
	o.ties = append(o.ties, t)
}

func (d *decoder) toSlice(o *made, at unsafe.Pointer, in *info) {
	t := tie{at: at, in: in}
	how := d.uint()
	switch how {
	case nilSlice:
		return
	case emptySlice:
	case filledSlice:
		d.toRegion(&t)
	default:
		fail(errDamaged)
	}
	t.len, t.cap = d.uint(), d.uint()
	switch {
	case t.len > t.cap, (t.cap == 0 || in.elem.size == 0) != (how == emptySlice):
		fail(errDamaged)
	case how == emptySlice:
		nothing := reflect.MakeSlice(reflect.SliceOf(in.elem.t), 0, 0).UnsafePointer()
		*(*sliceHeader)(at) = sliceHeader{nothing, t.len, t.cap}
		return
	}
	d.check(&t, t.cap)
	o.ties = append(o.ties, t)
}

// maxMemory bounds the bytes of a region, so that sums of places do not overflow.
const maxMemory = 1 << 46

// toRegion reads the number of a region, what it is if it is new, and a place in it.
func (d *decoder) toRegion(t *tie) {
	if t.to = d.uint(); t.to == len(d.made) {
		o := &made{how: d.byte(), in: byteInfo}
		switch o.how {
		case newRaw:
			o.raw = true
		case newRegion:
			o.in = d.typ()
		default:
			fail(errDamaged)
		}
		o.n = d.uint()
		if o.in.size == 0 || uint64(o.n) > maxMemory/uint64(o.in.size) || o.in.kind == arrayKind && o.in.codec == nil {
			fail(errDamaged)
		}
		d.made = append(d.made, o)
	}
	t.off = uintptr(d.uint())
}

// check fails unless n elements, of the type that a pointer or slice leads to, lie where it leads.
func (d *decoder) check(t *tie, n int) {
	if t.to <= 0 || t.to >= len(d.made) {
		fail(errDamaged)
	}
	o := d.made[t.to]
	if o.how != newRegion && o.how != newRaw || uintptr(n) > uintptr(o.n)*o.in.size/t.in.elem.size {
		fail(errDamaged)
	}
	x := extentOf(nil, t.in.elem, n)
	if !(&region{extent: extent{nil, o.in, o.n}, raw: o.raw}).holds(t.off, x.elem, x.n) {
		fail(errDamaged)
	}
}

// toObject reads the number of a map, or of what a codec carries.
func (d *decoder) toObject(o *made, at unsafe.Pointer, in *info, how byte) {
	n := d.uint()
	switch {
	case n == 0 && (how == newMap || in.kind == reflect.Pointer):
		return
	case n == 0 || n > len(d.made):
		fail(errDamaged)
	case n == len(d.made):
		if d.byte() != how || d.typ() != in {
			fail(errDamaged)
		}
		x := &made{how: how, in: in, n: 1}
		if how == newCoded {
			x.in, x.coded = infoOf(in.codec.stand), in
		}
		d.made = append(d.made, x)
	}
	x := d.made[n]
	if x.how != how || how == newMap && x.in != in || how == newCoded && x.coded != in {
		fail(errDamaged)
	}
	o.ties = append(o.ties, tie{at: at, in: in, to: n})
}

// toBox reads the number of what an interface holds.
func (d *decoder) toBox(o *made, at unsafe.Pointer, in *info) {
	n := d.uint()
	switch {
	case n == 0:
		return
	case n > len(d.made):
		fail(errDamaged)
	case n == len(d.made):
		x := &made{how: d.byte(), n: 1}
		switch x.how {
		case newBox:
			x.in = d.typ()
		case newError:
			x.in = errorInfo
		case newByFace:
			x.coded = d.typ()
			c := registered(x.coded.t)
			if c == nil || x.coded.kind != reflect.Interface {
				fail(errDamaged)
			}
			x.in = infoOf(c.stand)
		default:
			fail(errDamaged)
		}
		d.made = append(d.made, x)
	}
	switch d.made[n].how {
	case newBox, newError, newByFace:
	default:
		fail(errDamaged)
	}
	o.ties = append(o.ties, tie{at: at, in: in, to: n})
}
