package zmtp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func encode(t testing.TB, m [][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	bufs := appendMessage(net.Buffers{}, m)
	_, err := bufs.WriteTo(&b)
	require.NoError(t, err)
	return b.Bytes()
}

func TestReadMessageRefuses(t *testing.T) {
	lim := Limits{Message: 1000, Frames: 3}
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"nothing", "", io.EOF},
		{"flags alone", "\x00", io.ErrUnexpectedEOF},
		{"a body cut off", "\x00\x05abc", io.ErrUnexpectedEOF},
		{"a long size cut off", "\x02\x00\x00", io.ErrUnexpectedEOF},
		{"reserved bits", "\x08\x00", ErrProtocol},
		{"a command with more", "\x05\x00", ErrProtocol},
		{"a command in a message", "\x01\x00\x04\x00", ErrProtocol},
		{"2^62 bytes", "\x02" + string(binary.BigEndian.AppendUint64(nil, 1<<62)), ErrProtocol},
		{"2^64-1 bytes", "\x02" + strings.Repeat("\xff", 8), ErrProtocol},
		{"too much over several frames", "\x01\xff" + strings.Repeat("a", 255) + "\x02\x00\x00\x00\x00\x00\x00\x03\xe8" + strings.Repeat("a", 1000), ErrProtocol},
		{"too many frames", strings.Repeat("\x01\x00", 4), ErrProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := readMessage(bufio.NewReader(strings.NewReader(c.in)), lim)
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestParseReadyRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"another command":     "\x05HELLO",
		"an error":            "\x05ERROR\x03bad",
		"a name without size": "\x05READY\x02ab\x00",
		"an empty name":       "\x05READY\x00\x00\x00\x00\x00",
		"a value cut off":     "\x05READY\x01a\x00\x00\x00\x09xx",
		"too long":            "\x05READY" + strings.Repeat("x", maxReady),
	} {
		_, err := parseReady([]byte(in))
		assert.ErrorIs(t, err, ErrProtocol, name)
	}
	props, err := parseReady(appendReady(nil, property{"Socket-Type", "DEALER"}, property{"Identity", ""}))
	require.NoError(t, err)
	require.Equal(t, "DEALER", find(props, "socket-TYPE"))
	require.Len(t, props, 2)
}

// FuzzFrames: whatever arrives, the reader stays within its limits, and what it read can be written
// and read again to the same frames.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x01\x01a\x00\x00"))
	f.Add([]byte("\x04\x05\x05READY"))
	f.Add(binary.BigEndian.AppendUint64([]byte{flagLong}, 1<<62))
	f.Fuzz(func(t *testing.T, in []byte) {
		lim := Limits{Message: 4096, Frames: 8}
		m, command, err := readMessage(bufio.NewReader(bytes.NewReader(in)), lim)
		if err != nil {
			return
		}
		if len(m) == 0 || len(m) > lim.Frames || wireSize(m)-int64(len(m))*frameOverhead > lim.Message {
			t.Fatalf("%d frames of %d bytes pass limits of %+v", len(m), wireSize(m), lim)
		}
		if command {
			return
		}
		again, _, err := readMessage(bufio.NewReader(bytes.NewReader(encode(t, m))), lim)
		require.NoError(t, err)
		require.Len(t, again, len(m))
		for i := range m {
			require.True(t, bytes.Equal(m[i], again[i]), "frame %d: %q became %q", i, m[i], again[i])
		}
	})
}

// FuzzReady: the parser takes anything, and what it accepts comes out again.
func FuzzReady(f *testing.F) {
	f.Add([]byte("\x05READY"))
	f.Add(appendReady(nil, property{"Socket-Type", "SUB"}, property{"Identity", "me"}))
	f.Fuzz(func(t *testing.T, in []byte) {
		props, err := parseReady(in)
		if err != nil {
			return
		}
		out := appendReady(nil, props...)
		require.True(t, bytes.Equal(in, out), "%q became %q", in, out)
	})
}
