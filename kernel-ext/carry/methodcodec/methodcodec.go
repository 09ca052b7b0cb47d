// Package methodcodec carries values from cell to cell by the methods that their types have for the standard library: of encoding/gob, of
// encoding for bytes and for text, of encoding/json, whichever pair comes first. So flow big numbers, network addresses, histories of
// training.
package methodcodec

import (
	"encoding"
	"reflect"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

// The interfaces of packages encoding/gob and encoding/json, which are too much to link.
type (
	gobEncoder      interface{ GobEncode() ([]byte, error) }
	gobDecoder      interface{ GobDecode([]byte) error }
	jsonMarshaler   interface{ MarshalJSON() ([]byte, error) }
	jsonUnmarshaler interface{ UnmarshalJSON([]byte) error }
)

func init() {
	register[gobEncoder, gobDecoder](gobEncoder.GobEncode, gobDecoder.GobDecode)
	register[encoding.BinaryMarshaler, encoding.BinaryUnmarshaler](encoding.BinaryMarshaler.MarshalBinary, encoding.BinaryUnmarshaler.UnmarshalBinary)
	register[encoding.TextMarshaler, encoding.TextUnmarshaler](encoding.TextMarshaler.MarshalText, encoding.TextUnmarshaler.UnmarshalText)
	register[jsonMarshaler, jsonUnmarshaler](jsonMarshaler.MarshalJSON, jsonUnmarshaler.UnmarshalJSON)
}

func register[S, L any](save func(S) ([]byte, error), load func(L, []byte) error) {
	carry.RegisterMethods(reflect.TypeFor[S](), reflect.TypeFor[L](),
		func(v any) ([]byte, error) { return save(v.(S)) },
		func(v any, b []byte) error { return load(v.(L), b) })
}
