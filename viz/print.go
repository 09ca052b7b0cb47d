package viz

import (
	"fmt"
	"reflect"
	"strings"
)

// Bounds on the text of a value that has no view of its own.
const (
	maxPrinted      = 2000 // values within it
	maxPrintedDepth = 12
	maxPrintedBytes = 8000
)

// printed writes a value as fmt's %+v does; of one that is larger than anybody reads, or that holds itself, which fmt would
// follow until memory ends, a part.
func printed(v any) string {
	left := maxPrinted
	if walk(reflect.ValueOf(v), &left, maxPrintedDepth) {
		if s := fmt.Sprintf("%+v", v); len(s) <= maxPrintedBytes {
			return s
		}
	}
	p := &partPrinter{}
	p.print(reflect.ValueOf(v), 4)
	return p.b.String()
}

// walk reports whether fewer values than left are within v, to the given depth.
func walk(v reflect.Value, left *int, depth int) bool {
	if *left--; *left < 0 || depth < 0 {
		return false
	}
	switch v.Kind() {
	case reflect.String:
		return v.Len() <= maxPrintedBytes
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return true
		}
		return walk(v.Elem(), left, depth-1)
	case reflect.Struct:
		for i := range v.NumField() {
			if !walk(v.Field(i), left, depth-1) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Len() > *left {
			return false
		}
		for i := range v.Len() {
			if !walk(v.Index(i), left, depth-1) {
				return false
			}
		}
	case reflect.Map:
		if v.Len() > *left {
			return false
		}
		for it := v.MapRange(); it.Next(); {
			if !walk(it.Key(), left, depth-1) || !walk(it.Value(), left, depth-1) {
				return false
			}
		}
	}
	return true
}

// partPrinter writes the beginning of a value.
type partPrinter struct{ b strings.Builder }

func (p *partPrinter) print(v reflect.Value, depth int) {
	const shown = 10 // elements of each list
	switch {
	case !v.IsValid():
		p.b.WriteString("<nil>")
		return
	case p.b.Len() > maxPrintedBytes || depth < 0:
		p.b.WriteString("…")
		return
	}
	list := func(open, end string, n int, one func(i int)) {
		p.b.WriteString(open)
		for i := range min(n, shown) {
			if i > 0 {
				p.b.WriteString(" ")
			}
			one(i)
		}
		if n > shown {
			fmt.Fprintf(&p.b, " … %s more", count(int64(n-shown)))
		}
		p.b.WriteString(end)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			p.b.WriteString("<nil>")
			return
		}
		p.b.WriteString("&")
		p.print(v.Elem(), depth-1)
	case reflect.Interface:
		p.print(v.Elem(), depth)
	case reflect.Struct:
		p.b.WriteString("{")
		for i := range v.NumField() {
			if i > 0 {
				p.b.WriteString(" ")
			}
			p.b.WriteString(v.Type().Field(i).Name + ":")
			p.print(v.Field(i), depth-1)
		}
		p.b.WriteString("}")
	case reflect.Slice, reflect.Array:
		list("[", "]", v.Len(), func(i int) { p.print(v.Index(i), depth-1) })
	case reflect.Map:
		it := v.MapRange()
		list("map[", "]", v.Len(), func(int) {
			it.Next()
			p.print(it.Key(), depth-1)
			p.b.WriteString(":")
			p.print(it.Value(), depth-1)
		})
	case reflect.String:
		p.b.WriteString(short(v.String(), 200))
	default:
		fmt.Fprint(&p.b, v)
	}
}

// isNil reports whether v is nil, or a nil pointer, map, slice, function or channel.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Interface, reflect.Chan:
		return r.IsNil()
	}
	return false
}
