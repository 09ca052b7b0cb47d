package jupyter

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func signer(t testing.TB, key string) *Signer {
	t.Helper()
	s, err := NewSigner("hmac-sha256", key)
	if err != nil {
		t.Fatal(err)
	}
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
	if !reflect.DeepEqual(frames, want) {
		t.Fatalf("got  %q\nwant %q", frames, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	s := signer(t, "secret")
	good := parts("id", Delimiter, knownSignature, `{"msg_type":"status"}`, `{}`, `{}`, `{"a":1}`)
	if _, err := s.Open(good); err != nil {
		t.Fatal(err)
	}
	for i := 2; i < len(good); i++ { // every signed frame and the signature itself
		bad := append([][]byte{}, good...)
		bad[i] = append([]byte("x"), bad[i]...)
		if _, err := s.Open(bad); !errors.Is(err, ErrSignature) {
			t.Errorf("frame %d changed: %v", i, err)
		}
	}
	for name, frames := range map[string][][]byte{
		"nothing":      nil,
		"no delimiter": parts("a", "b"),
		"too short":    good[:6],
	} {
		if _, err := s.Open(frames); !errors.Is(err, ErrFrames) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := signer(t, "other").Open(good); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	unsigned := signer(t, "")
	for name, frames := range map[string][][]byte{
		"a header that is no JSON": parts(Delimiter, "", `{`, `{}`, `{}`, `{}`),
		"a header without type":    parts(Delimiter, "", `{}`, `{}`, `{}`, `{}`),
		"a parent that is a list":  parts(Delimiter, "", `{"msg_type":"x"}`, `[]`, `{}`, `{}`),
		"content that is no JSON":  parts(Delimiter, "", `{"msg_type":"x"}`, `{}`, `{}`, `nope`),
		"metadata that is no JSON": parts(Delimiter, "", `{"msg_type":"x"}`, `{}`, ``, `{}`),
	} {
		if _, err := unsigned.Decode(frames); !errors.Is(err, ErrFrames) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewSigner("md5", ""); err == nil {
		t.Error("the scheme md5 is taken")
	}
}

func TestMessageThereAndBack(t *testing.T) {
	s := signer(t, "k")
	asked := NewHeader("session", ExecuteRequest)
	m, err := NewMessage("session", StreamOutput, asked, Stream{"stdout", "a < b & c\n"})
	if err != nil {
		t.Fatal(err)
	}
	m.Identities, m.Buffers = parts("topic"), parts("buf")
	frames, err := s.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(frames[6], []byte("a < b & c")) {
		t.Errorf("content is escaped for HTML: %s", frames[6])
	}
	back, err := s.Decode(frames)
	if err != nil {
		t.Fatal(err)
	}
	m.Metadata = json.RawMessage("{}")
	if !reflect.DeepEqual(back, m) {
		t.Fatalf("got  %+v\nwant %+v", back, m)
	}
	var stream Stream
	if err := back.Decode(&stream); err != nil || stream.Text != "a < b & c\n" {
		t.Fatalf("%+v, %v", stream, err)
	}
	if err := back.Decode(new([]int)); err == nil || !strings.Contains(err.Error(), "content of stream") {
		t.Fatalf("decoding into the wrong type: %v", err)
	}
}

func TestConnectionFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kernel.json")
	c := Private("/run/x/k", "key")
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	back, err := ReadConnection(path)
	if err != nil || back != c {
		t.Fatalf("%+v, %v", back, err)
	}
	if n, a := back.Endpoint(IOPub); n != "unix" || a != "/run/x/k-4" {
		t.Errorf("iopub is at %s %s", n, a)
	}
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
		if _, err := ParseConnection([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "connection file: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadConnection("/nonexistent"); err == nil {
		t.Error("a file that is not there")
	}
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
		if err != nil {
			t.Fatal(err)
		}
		back, err := s.Decode(again)
		if err != nil || back.Header != m.Header || back.Parent != m.Parent {
			t.Fatalf("%+v became %+v, %v", m, back, err)
		}
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
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	conn := Private(filepath.Join(dir, "k"), "key")
	at := func(ch Channel) string { _, addr := conn.Endpoint(ch); return addr }
	living, err := net.Listen("unix", at(Shell))
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	dead, err := net.Listen("unix", at(IOPub))
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	if err := os.WriteFile(at(Stdin), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	conn.Clear()
	for ch, want := range map[Channel]bool{Shell: true, IOPub: false, Stdin: true, Control: false} {
		if _, err := os.Lstat(at(ch)); (err == nil) != want {
			t.Errorf("channel %d is there: %v, want %v", ch, err == nil, want)
		}
	}
}
