package carry

import (
	"bytes"
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// copyMap copies the keys and values of a map, sorted, so that equal maps are written alike.
func copyMap(v reflect.Value, in *info) *mapCopy {
	n := v.Len()
	keys := reflect.MakeSlice(reflect.SliceOf(in.mapKey.t), n, n)
	vals := reflect.MakeSlice(reflect.SliceOf(in.elem.t), n, n)
	i := 0
	for it := v.MapRange(); it.Next() && i < n; i++ {
		keys.Index(i).SetIterKey(it)
		vals.Index(i).SetIterValue(it)
	}
	m := &mapCopy{in: in, keys: keys.UnsafePointer(), vals: vals.UnsafePointer(), n: i, keep: [2]reflect.Value{keys, vals}}
	m.sort()
	return m
}

// sort orders keys and values by the keys.
func (m *mapCopy) sort() {
	order := make([]int, m.n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		c := compare(m.key(a), m.key(b), m.in.mapKey)
		if c == 0 && m.in.elem.plain { // of keys only NaN equals nothing, itself neither: there may be several
			c = bytes.Compare(unsafe.Slice((*byte)(m.val(a)), m.in.elem.size), unsafe.Slice((*byte)(m.val(b)), m.in.elem.size))
		}
		return c
	})
	for j, list := range m.keep {
		sorted := reflect.MakeSlice(list.Type(), m.n, m.n)
		for to, from := range order {
			sorted.Index(to).Set(list.Index(from))
		}
		m.keep[j] = sorted
	}
	m.keys, m.vals = m.keep[0].UnsafePointer(), m.keep[1].UnsafePointer()
}

// compare orders values of a type that maps may have as keys. Pointers come by address, which is one order within a program.
func compare(a, b unsafe.Pointer, in *info) int {
	v, w := reflect.NewAt(in.t, a).Elem(), reflect.NewAt(in.t, b).Elem()
	switch {
	case v.CanInt():
		return cmp.Compare(v.Int(), w.Int())
	case v.CanUint():
		return cmp.Compare(v.Uint(), w.Uint())
	case v.CanFloat():
		if c := cmp.Compare(v.Float(), w.Float()); c != 0 {
			return c
		}
		return bytes.Compare(unsafe.Slice((*byte)(a), in.size), unsafe.Slice((*byte)(b), in.size)) // kinds of NaN
	}
	switch in.kind {
	case reflect.String:
		return strings.Compare(v.String(), w.String())
	case reflect.Array:
		for i := range uintptr(in.n) {
			if c := compare(unsafe.Add(a, i*in.elem.size), unsafe.Add(b, i*in.elem.size), in.elem); c != 0 {
				return c
			}
		}
		return 0
	case reflect.Struct:
		for i := range in.fields {
			f := &in.fields[i]
			if c := compare(unsafe.Add(a, f.offset), unsafe.Add(b, f.offset), f.info); c != 0 {
				return c
			}
		}
		return 0
	case reflect.Interface:
		return compareInside(v, w)
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		return cmp.Compare(uintptr(*(*unsafe.Pointer)(a)), uintptr(*(*unsafe.Pointer)(b)))
	}
	return bytes.Compare(unsafe.Slice((*byte)(a), in.size), unsafe.Slice((*byte)(b), in.size)) // bool, complex
}

// compareInside orders interfaces by type, and then by what they hold.
func compareInside(v, w reflect.Value) int {
	switch {
	case v.IsNil() && w.IsNil():
		return 0
	case v.IsNil():
		return -1
	case w.IsNil():
		return 1
	}
	in, other := infoOf(v.Elem().Type()), infoOf(w.Elem().Type())
	if in != other {
		return strings.Compare(in.key, other.key)
	}
	a, b := reflect.New(in.t), reflect.New(in.t)
	a.Elem().Set(v.Elem())
	b.Elem().Set(w.Elem())
	return compare(a.UnsafePointer(), b.UnsafePointer(), in)
}
