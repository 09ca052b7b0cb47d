package carry

import (
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/quire-ml/quire/internal/bytesize"
)

// maxSummary bounds what a summary shows of a text, in letters.
const maxSummary = 48

// head returns the head of a value's file.
func (e *encoder) head(at reflect.Value, cell int) *head {
	text, bytes := e.summary(at.Elem())
	return &head{cell: cell, hash: e.root.hash(), bytes: bytes, typ: e.root.t.String(), summary: text, written: time.Now(), lent: e.lends()}
}

// summary describes a value in one line, and says how many bytes it takes.
func (e *encoder) summary(v reflect.Value) (text string, bytes int64) {
	bytes = int64(len(e.body))
	for _, b := range e.blocks {
		bytes += int64(len(b))
	}
	if text = describe(v, e.root); text == "" {
		text = bytesize.Text(bytes)
	}
	return text, bytes
}

// describe returns "" where a value's size is all that there is to say.
func describe(v reflect.Value, in *info) string {
	if in.codec != nil && in.codec.summary != nil && !(in.kind == reflect.Pointer && v.IsNil()) {
		return oneLine(in.codec.summary(v))
	}
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case v.CanComplex():
		return strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits())
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.String:
		return describeText(v.String())
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Chan, reflect.Func:
		if v.IsNil() {
			return "nil"
		}
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array:
		return describeLength(v, in)
	case reflect.Interface:
		if err, ok := reflect.TypeAssert[error](v); ok && v.Type() == errorType {
			return oneLine(errorText(err))
		}
		return describe(v.Elem(), infoOf(v.Elem().Type()))
	}
	return ""
}

func describeText(s string) string {
	if utf8.RuneCountInString(s) <= maxSummary {
		return strconv.Quote(s)
	}
	return strconv.Quote(shorten(s)) + "…, " + bytesize.Text(int64(len(s)))
}

func describeLength(v reflect.Value, in *info) string {
	n := v.Len()
	text := strconv.Itoa(n) + " elements"
	if n == 1 {
		text = "1 element"
	}
	if v.Kind() != reflect.Map && in.elem != nil && in.elem.plain {
		text += ", " + bytesize.Text(int64(n)*int64(in.elem.size))
	}
	return text
}

// shorten returns the first letters of a text.
func shorten(s string) string {
	n := 0
	for i := range s {
		if n == maxSummary {
			return s[:i]
		}
		n++
	}
	return s
}

func oneLine(s string) string {
	for i, r := range s {
		if r == '\n' || r == '\r' {
			return shorten(s[:i]) + "…"
		}
	}
	if short := shorten(s); short != s {
		return short + "…"
	}
	return s
}
