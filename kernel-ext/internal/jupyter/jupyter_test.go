package jupyter

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func signer(t testing.TB, key string) *Signer {
	t.Helper()
	s, err := NewSigner("hmac-sha256", key)
	require.NoError(t, err)
	return s
}

func parts(in ...string) [][]byte {
	out := make([][]byte, len(in))
	for i, p := range in {
		out[i] = []byte(p)
	}
	return out
}

// The signature was computed with OpenSSL: printf '{"msg_type":"status"}{}{}{"a":1}' | openssl sha256 -hmac secret
const knownSignature = "ff941fd5cf1ad70ee4e050af84b4f3f20dbf2ebe862fdc7f45ec694d07569979"

func TestSignatureIsTheKnownOne(t *testing.T) {
	frames := signer(t, "secret").Frames(Envelope{
		Identities: parts("id"),
		Header:     json.RawMessage(`{"msg_type":"status"}`), Parent: json.RawMessage(`{}`),
		Metadata: json.RawMessage(`{}`), Content: json.RawMessage(`{"a":1}`),
		Buffers: parts("raw"),
	})
	want := parts("id", Delimiter, knownSignature, `{"msg_type":"status"}`, `{}`, `{}`, `{"a":1}`, "raw")
	require.Equal(t, want, frames)
}

func TestOpenRefuses(t *testing.T) {
	s := signer(t, "secret")
	good := parts("id", Delimiter, knownSignature, `{"msg_type":"status"}`, `{}`, `{}`, `{"a":1}`)
	_, err := s.Open(good)
	require.NoError(t, err)
	for i := 2; i < len(good); i++ { // every signed frame and the signature itself
		bad := append([][]byte{}, good...)
		bad[i] = append([]byte("x"), bad[i]...)
		_, err := s.Open(bad)
		assert.ErrorIs(t, err, ErrSignature, "frame %d changed", i)
	}
	for name, frames := range map[string][][]byte{
		"nothing":      nil,
		"no delimiter": parts("a", "b"),
		"too short":    good[:6],
	} {
		_, err := s.Open(frames)
		assert.ErrorIs(t, err, ErrFrames, name)
	}
	_, err = signer(t, "other").Open(good)
	assert.ErrorIs(t, err, ErrSignature, "another key")
	unsigned := signer(t, "")
	for name, frames := range map[string][][]byte{
		"a header that is no JSON": parts(Delimiter, "", `{`, `{}`, `{}`, `{}`),
		"a header without type":    parts(Delimiter, "", `{}`, `{}`, `{}`, `{}`),
		"a parent that is a list":  parts(Delimiter, "", `{"msg_type":"x"}`, `[]`, `{}`, `{}`),
		"content that is no JSON":  parts(Delimiter, "", `{"msg_type":"x"}`, `{}`, `{}`, `nope`),
		"metadata that is no JSON": parts(Delimiter, "", `{"msg_type":"x"}`, `{}`, ``, `{}`),
	} {
		_, err := unsigned.Decode(frames)
		assert.ErrorIs(t, err, ErrFrames, name)
	}
	_, err = NewSigner("md5", "")
	assert.Error(t, err, "the scheme md5 is taken")
}

func TestMessageThereAndBack(t *testing.T) {
	s := signer(t, "k")
	asked := NewHeader("session", ExecuteRequest)
	m, err := NewMessage("session", StreamOutput, asked, Stream{"stdout", "a < b & c\n"})
	require.NoError(t, err)
	m.Identities, m.Buffers = parts("topic"), parts("buf")
	frames, err := s.Encode(m)
	require.NoError(t, err)
	assert.True(t, bytes.Contains(frames[6], []byte("a < b & c")), "content is escaped for HTML: %s", frames[6])
	back, err := s.Decode(frames)
	require.NoError(t, err)
	m.Metadata = json.RawMessage("{}")
	require.Equal(t, m, back)
	var stream Stream
	require.NoError(t, back.Decode(&stream), "%+v", stream)
	require.Equal(t, "a < b & c\n", stream.Text, "%+v", stream)
	require.ErrorContains(t, back.Decode(new([]int)), "content of stream", "decoding into the wrong type")
}

func TestConnectionFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kernel.json")
	c := Private("/run/x/k", "key")
	require.NoError(t, c.Write(path))
	back, err := ReadConnection(path)
	require.NoError(t, err)
	require.Equal(t, c, back)
	n, a := back.Endpoint(IOPub)
	assert.Equal(t, "unix", n, "iopub is at")
	assert.Equal(t, "/run/x/k-4", a, "iopub is at")
	c.Transport, c.IP, c.ShellPort = "tcp", "127.0.0.1", 4711
	if n, a := c.Endpoint(Shell); n != "tcp" || a != "127.0.0.1:4711" {
		t.Errorf("shell is at %s %s", n, a)
	}
	for name, text := range map[string]string{
		"no JSON":      `hello`,
		"no ip":        `{"shell_port":1}`,
		"no ports":     `{"ip":"x"}`,
		"a transport":  `{"ip":"x","transport":"pigeon"}`,
		"a bad port":   `{"ip":"x","shell_port":70000,"control_port":1,"stdin_port":1,"iopub_port":1,"hb_port":1}`,
		"a bad scheme": `{"ip":"x","shell_port":1,"control_port":1,"stdin_port":1,"iopub_port":1,"hb_port":1,"signature_scheme":"rot13"}`,
	} {
		_, err := ParseConnection([]byte(text))
		require.Error(t, err, "%s: %v", name, err)
		assert.True(t, strings.HasPrefix(err.Error(), "connection file: "), "%s: %v", name, err)
	}
	_, err = ReadConnection("/nonexistent")
	assert.Error(t, err, "a file that is not there")
}

// FuzzDecode: any frames are taken or refused, never a panic; what is taken can be signed and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("id\x00<IDS|MSG>\x00sig\x00{\"msg_type\":\"x\"}\x00{}\x00{}\x00{}\x00buf"))
	f.Add([]byte("<IDS|MSG>\x00\x00{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		frames := bytes.Split(in, []byte{0})
		if _, err := signer(t, "k").Decode(frames); err == nil {
			t.Skip("a right signature by chance")
		}
		s := signer(t, "")
		m, err := s.Decode(frames)
		if err != nil {
			return
		}
		again, err := s.Encode(m)
		require.NoError(t, err)
		back, err := s.Decode(again)
		require.NoError(t, err, "%+v became %+v", m, back)
		require.Equal(t, m.Header, back.Header, "%+v became %+v", m, back)
		require.Equal(t, m.Parent, back.Parent, "%+v became %+v", m, back)
	})
}

// FuzzConnection: any text is taken or refused; what is taken has an endpoint for every channel.
func FuzzConnection(f *testing.F) {
	f.Add([]byte(`{"ip":"127.0.0.1","transport":"tcp","shell_port":1,"control_port":2,"stdin_port":3,"iopub_port":4,"hb_port":5,"key":"x"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := ParseConnection(in)
		if err != nil {
			return
		}
		for ch := Shell; ch <= Heartbeat; ch++ {
			if n, a := c.Endpoint(ch); (n != "tcp" && n != "unix") || a == "" {
				t.Fatalf("%s at %q %q", ch, n, a)
			}
		}
	})
}

func TestClearRemovesSocketsOfTheDeadAlone(t *testing.T) {
	dir, err := os.MkdirTemp("", "js") // short: a socket's path is
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	conn := Private(filepath.Join(dir, "k"), "key")
	at := func(ch Channel) string { _, addr := conn.Endpoint(ch); return addr }
	living, err := net.Listen("unix", at(Shell))
	require.NoError(t, err)
	defer living.Close()
	dead, err := net.Listen("unix", at(IOPub))
	require.NoError(t, err)
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	require.NoError(t, os.WriteFile(at(Stdin), nil, 0o600))
	conn.Clear()
	for ch, want := range map[Channel]bool{Shell: true, IOPub: false, Stdin: true, Control: false} {
		_, err := os.Lstat(at(ch))
		assert.Equal(t, want, err == nil, "channel %d is there", ch)
	}
}

// nbclient takes the execution_count of any message for that of the cell.
func TestADisplayHasNoCount(t *testing.T) {
	m, err := NewMessage("s", DisplayData, Header{}, Display{Data: map[string]any{"text/plain": "x"}, Metadata: map[string]any{}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"data":{"text/plain":"x"},"metadata":{}}`, string(m.Content))
	d := Display{Data: map[string]any{}, Metadata: map[string]any{}, ExecutionCount: 3}
	d.Transient.DisplayID = "d"
	m, err = NewMessage("s", ExecuteResult, Header{}, d)
	require.NoError(t, err)
	assert.JSONEq(t, `{"data":{},"metadata":{},"execution_count":3,"transient":{"display_id":"d"}}`, string(m.Content))
}
