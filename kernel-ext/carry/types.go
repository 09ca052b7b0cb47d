package carry

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/carry/kinds"
)

const (
	arrayKind  = reflect.Array
	structKind = reflect.Struct
)

// info is what carrying a type needs to know about it.
type info struct {
	t     reflect.Type
	key   string // names the type, with the paths of packages
	kind  reflect.Kind
	size  uintptr
	plain bool   // the memory is the value: no pointers
	refs  bool   // holds what lies elsewhere: pointers, slices, maps, contents of interfaces, what a codec carries
	codec *codec // carries it, if there is one
	why   string // why no value but nil flows; "" if they do
	least int    // bytes that a value takes at least in a file

	elem, mapKey *info // of pointers, slices, arrays, maps
	n            int   // length of an array
	fields       []field
}

type field struct {
	name   string
	offset uintptr
	*info
}

func (in *info) align() uintptr { return uintptr(in.t.Align()) }

// infos are by type, made when they are first needed.
var infos = struct {
	sync.Mutex
	of map[reflect.Type]*info
}{of: map[reflect.Type]*info{}}

// walked are types whose unexported fields are carried one by one because their package's codec says so. infos guards them.
var walked = map[reflect.Type]bool{}

// openPackages are packages whose types are taken for those of cells; tests add their own.
var openPackages = map[string]bool{}

var (
	byteInfo   = infoOf(reflect.TypeFor[byte]())
	memoryType = reflect.TypeFor[Memory]()
	errorType  = reflect.TypeFor[error]()
)

func infoOf(t reflect.Type) *info {
	infos.Lock()
	defer infos.Unlock()
	return makeInfo(t)
}

// makeInfo returns the info of a type, and makes those of its parts. A type that holds itself does so behind a pointer, slice, map
// or interface, and what those are does not depend on what they lead to. infos is locked.
func makeInfo(t reflect.Type) *info {
	if in := infos.of[t]; in != nil {
		return in
	}
	in := &info{t: t, key: typeKey(t), kind: t.Kind(), size: t.Size(), least: 1}
	infos.of[t] = in
	switch {
	case t == memoryType: // one by itself
		return in
	case in.kind != reflect.Interface:
		if in.codec = registered(t); in.codec == nil {
			in.codec = ownMethods(t)
		}
	}
	if in.codec == nil {
		in.take(t)
	}
	if in.codec != nil { // whatever its fields are: it may be carried by a few bytes
		in.refs, in.why, in.least = true, "", 1
	}
	return in
}

// take looks at what a type is made of.
func (in *info) take(t reflect.Type) {
	switch in.kind {
	case reflect.String:
	case reflect.Array:
		in.elem, in.n = makeInfo(t.Elem()), t.Len()
		in.plain, in.refs, in.why = in.elem.plain, in.elem.refs, in.elem.why
		in.least = saturate(in.n, in.elem.least)
	case reflect.Struct:
		in.takeFields(t)
	case reflect.Pointer, reflect.Slice:
		in.refs = true // before it is asked for by what it leads to
		in.elem = makeInfo(t.Elem())
		if why := kinds.Why(pathOf(t.Elem())); why != "" && in.kind == reflect.Pointer {
			in.why = why
		}
	case reflect.Map:
		in.refs = true
		in.elem, in.mapKey = makeInfo(t.Elem()), makeInfo(t.Key())
	case reflect.Interface:
		in.refs, in.why = true, kinds.Why(pathOf(t))
	case reflect.Func:
		in.refs, in.why = true, "a function lives only in the cell that made it: write it as a func at the top of a cell, or make it anew where it is used"
	case reflect.Chan:
		in.refs, in.why = true, "a channel lives only in the cell that made it: make it anew, or carry what came through it"
	case reflect.UnsafePointer:
		in.refs, in.why = true, "an address means nothing in another cell"
	default:
		in.plain, in.least = true, int(in.size)
	}
}

func (in *info) takeFields(t reflect.Type) {
	in.plain, in.least = true, 0
	closed := false
	for i := range t.NumField() {
		f := t.Field(i)
		x := makeInfo(f.Type)
		in.fields = append(in.fields, field{f.Name, f.Offset, x})
		in.plain, in.refs = in.plain && x.plain, in.refs || x.refs
		in.least = min(in.least+x.least, math.MaxInt32)
		_, name := pathOf(t)
		closed = closed || f.PkgPath != "" && !kinds.Open(f.PkgPath, name) && !openPackages[f.PkgPath] && !walked[t]
	}
	if in.plain {
		in.least = int(in.size)
	}
	if in.why = kinds.Why(pathOf(t)); !closed || !in.refs {
		return
	}
	if in.codec = otherMethods(t); in.codec == nil && in.why == "" {
		in.why = t.String() + " has fields that only its package knows, and no methods to carry it by (carry.Saver and carry.Loader)"
	}
}

func saturate(a, b int) int {
	if b > 0 && a > math.MaxInt32/b {
		return math.MaxInt32
	}
	return a * b
}

// pathOf returns the package and the name of a type, without the arguments of a generic one.
func pathOf(t reflect.Type) (pkg, name string) {
	name, _, _ = strings.Cut(t.Name(), "[")
	return t.PkgPath(), name
}

// known are the types that interfaces may hold, by key, besides those that are made of them.
var known = struct {
	sync.Mutex
	of map[string]reflect.Type
}{of: map[string]reflect.Type{}}

func init() {
	for _, v := range []any{false, "", 0, int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0), uintptr(0),
		float32(0), 0.0, complex64(0), 0i} {
		know(reflect.TypeOf(v))
	}
	know(reflect.TypeFor[any]())
	know(errorType)
}

func know(t reflect.Type) {
	known.Lock()
	defer known.Unlock()
	known.of[typeKey(t)] = t
}

// maxDepth bounds how many types a type's key may be made of.
const maxDepth = 64

// resolve returns the type with a key: one of types, a known one, or one made of these; nil if there is none.
func resolve(key string, types map[string]*info) reflect.Type { return resolveIn(key, types, maxDepth) }

func resolveIn(key string, types map[string]*info, depth int) reflect.Type {
	if in := types[key]; in != nil {
		return in.t
	}
	known.Lock()
	t := known.of[key]
	known.Unlock()
	if t != nil || depth == 0 {
		return t
	}
	switch {
	case strings.HasPrefix(key, "*"):
		if elem := resolveIn(key[1:], types, depth-1); elem != nil {
			return reflect.PointerTo(elem)
		}
	case strings.HasPrefix(key, "[]"):
		if elem := resolveIn(key[2:], types, depth-1); elem != nil {
			return reflect.SliceOf(elem)
		}
	case strings.HasPrefix(key, "["):
		size, rest, _ := strings.Cut(key[1:], "]")
		n, err := strconv.Atoi(size)
		elem := resolveIn(rest, types, depth-1)
		if err == nil && elem != nil && n >= 0 && uint64(n) <= maxArray/uint64(max(elem.Size(), 1)) {
			return reflect.ArrayOf(n, elem)
		}
	case strings.HasPrefix(key, "map["):
		i := closing(key)
		k, elem := resolveIn(key[4:i], types, depth-1), resolveIn(key[i+1:], types, depth-1)
		if k != nil && elem != nil && k.Comparable() {
			return reflect.MapOf(k, elem)
		}
	}
	return nil
}

// maxArray bounds the bytes of an array whose type only a file names.
const maxArray = 1 << 30

// closing returns where the bracket behind "map" is closed, or the last place if it is not.
func closing(key string) int {
	open := 0
	for i := range len(key) {
		switch key[i] {
		case '[':
			open++
		case ']':
			if open--; open == 0 {
				return i
			}
		}
	}
	return len(key) - 1
}

// typeKey names a type by its parts. Two types that differ have one key only if they are declared within functions under one name.
func typeKey(t reflect.Type) string {
	switch {
	case t.PkgPath() != "":
		return t.PkgPath() + "." + t.Name()
	case t.Name() != "":
		return t.Name()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + typeKey(t.Elem())
	case reflect.Slice:
		return "[]" + typeKey(t.Elem())
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + typeKey(t.Elem())
	case reflect.Map:
		return "map[" + typeKey(t.Key()) + "]" + typeKey(t.Elem())
	case reflect.Struct:
		var b strings.Builder
		b.WriteString("struct{")
		for i := range t.NumField() {
			f := t.Field(i)
			b.WriteString(f.PkgPath + "." + f.Name + " " + typeKey(f.Type) + ";")
		}
		return b.String() + "}"
	}
	return t.String()
}

// hash returns a number that tells types apart that are made of different parts under the same name: FNV-1a of its parts' names.
func (in *info) hash() uint64 {
	h, done := uint64(14695981039346656037), map[*info]bool{}
	add := func(s string) {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	var walk func(in *info)
	walk = func(in *info) {
		add(in.key)
		if done[in] {
			return
		}
		done[in] = true
		add(" is " + in.kind.String())
		if in.codec != nil {
			add(" as ")
			walk(infoOf(in.codec.stand))
			return
		}
		for _, f := range in.fields {
			add(" " + f.name + " ")
			walk(f.info)
		}
		for _, part := range []*info{in.mapKey, in.elem} {
			if part != nil {
				walk(part)
			}
		}
	}
	walk(in)
	return h
}

// collect adds the types that a type is made of to those of a map by key. Where two share a key it has nil.
func (in *info) collect(types map[string]*info) {
	if old, ok := types[in.key]; ok {
		if old != in {
			types[in.key] = nil
		}
		return
	}
	types[in.key] = in
	for i := range in.fields {
		in.fields[i].collect(types)
	}
	for _, part := range []*info{in.mapKey, in.elem} {
		if part != nil {
			part.collect(types)
		}
	}
	if in.codec != nil {
		infoOf(in.codec.stand).collect(types)
	}
}

// leadsToMap reports whether a value of the type may have a map in it.
func (in *info) leadsToMap() bool {
	types := map[string]*info{}
	in.collect(types)
	for _, part := range types {
		if part == nil || part.kind == reflect.Map || part.kind == reflect.Interface {
			return true
		}
	}
	return false
}
