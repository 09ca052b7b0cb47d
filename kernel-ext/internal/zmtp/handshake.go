package zmtp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// greetingSize is the fixed length of the first thing each side sends.
const greetingSize = 64

// greeting returns our greeting: signature, version 3.0, mechanism NULL, as-server 0, filler.
func greeting() []byte {
	g := make([]byte, greetingSize)
	g[0], g[9] = 0xff, 0x7f
	g[10] = 3
	copy(g[12:32], "NULL")
	return g
}

// readGreeting reads the peer's greeting and says what is wrong with it.
func readGreeting(r io.Reader) error {
	var g [greetingSize]byte
	if _, err := io.ReadFull(r, g[:]); err != nil {
		return unexpected(err)
	}
	mechanism := strings.TrimRight(string(g[12:32]), "\x00")
	switch {
	case g[0] != 0xff || g[9] != 0x7f:
		return fmt.Errorf("%w: no ZMTP signature", ErrProtocol)
	case g[10] < 3:
		return fmt.Errorf("%w: peer speaks ZMTP %d, this end 3.0", ErrProtocol, g[10])
	case mechanism != "NULL":
		return fmt.Errorf("%w: peer wants the mechanism %q, this end NULL", ErrProtocol, mechanism)
	}
	return nil
}

// property is one name and value of a READY command.
type property struct{ name, value string }

const readyName = "\x05READY"

// maxReady bounds a READY command: a type and an identity need a few dozen bytes.
const maxReady = 4096

// appendReady writes a READY command.
func appendReady(b []byte, props ...property) []byte {
	b = append(b, readyName...)
	for _, p := range props {
		b = append(b, byte(len(p.name)))
		b = append(b, p.name...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(p.value)))
		b = append(b, p.value...)
	}
	return b
}

// parseReady reads the properties of a READY command. Names are compared without case by find.
func parseReady(b []byte) ([]property, error) {
	if len(b) > maxReady {
		return nil, fmt.Errorf("%w: a READY of %d bytes", ErrProtocol, len(b))
	}
	rest, ok := bytes.CutPrefix(b, []byte(readyName))
	if !ok {
		if reason, isError := bytes.CutPrefix(b, []byte("\x05ERROR")); isError && len(reason) > 1 {
			return nil, fmt.Errorf("%w: peer refused: %q", ErrProtocol, reason[1:])
		}
		return nil, fmt.Errorf("%w: no READY after the greeting", ErrProtocol)
	}
	var props []property
	for len(rest) > 0 {
		n := int(rest[0])
		if n == 0 || len(rest) < 1+n+4 {
			return nil, fmt.Errorf("%w: a property of READY is cut off", ErrProtocol)
		}
		name := string(rest[1 : 1+n])
		size := uint64(binary.BigEndian.Uint32(rest[1+n:]))
		rest = rest[1+n+4:]
		if size > uint64(len(rest)) {
			return nil, fmt.Errorf("%w: the property %q of READY is cut off", ErrProtocol, name)
		}
		props = append(props, property{name, string(rest[:size])})
		rest = rest[size:]
	}
	return props, nil
}

// find returns the value of the property called name, in any case, or "".
func find(props []property, name string) string {
	for _, p := range props {
		if strings.EqualFold(p.name, name) {
			return p.value
		}
	}
	return ""
}
