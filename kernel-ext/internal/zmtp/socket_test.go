package zmtp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// socketDir returns a private directory whose paths are short enough for Unix sockets everywhere.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zmtp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func listen(t *testing.T, ctx context.Context, network string, role Role, opts Options) *Socket {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(socketDir(t), "s")
	}
	s, err := Listen(ctx, network, addr, role, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t *testing.T, ctx context.Context, to *Socket, role Role, opts Options) *Socket {
	t.Helper()
	s, err := Dial(ctx, to.Addr().Network(), to.Addr().String(), role, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func frames(parts ...string) [][]byte {
	m := make([][]byte, len(parts))
	for i, p := range parts {
		m[i] = []byte(p)
	}
	return m
}

func text(m [][]byte) string { return string(bytes.Join(m, []byte("|"))) }

func send(t *testing.T, s *Socket, parts ...string) {
	t.Helper()
	if err := s.Send(frames(parts...)); err != nil {
		t.Fatal(err)
	}
}

func recv(t *testing.T, ctx context.Context, s *Socket) [][]byte {
	t.Helper()
	m, err := s.Recv(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func TestRouterAndDealerTalk(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			ctx := timeout(t)
			router := listen(t, ctx, network, Router, Options{})
			big := strings.Repeat("x", 3<<20) // several reads and a long frame
			for _, name := range []string{"ann", "bob", ""} {
				d := dial(t, ctx, router, Dealer, Options{Identity: name})
				send(t, d, "hello", "", big)
				m := recv(t, ctx, router)
				if base(string(m[0])) != name && name != "" {
					t.Fatalf("the tag %q does not carry the identity %q", m[0], name)
				}
				if text(m[1:]) != "hello||"+big {
					t.Fatalf("got %d frames of another text", len(m))
				}
				send(t, router, string(m[0]), "for", name)
				if got := text(recv(t, ctx, d)); got != "for|"+name {
					t.Fatalf("the dealer got %q", got)
				}
			}
		})
	}
}

func TestRolesMayListenOrDialEitherWay(t *testing.T) {
	ctx := timeout(t)
	dealer := listen(t, ctx, "unix", Dealer, Options{})
	router := dial(t, ctx, dealer, Router, Options{Identity: "r"})
	eventually(t, "the dealer's peer", func() bool { return dealer.Peers() == 1 })
	send(t, dealer, "up")
	m := recv(t, ctx, router)
	if text(m[1:]) != "up" {
		t.Fatalf("the router got %q", text(m))
	}
	sub := listen(t, ctx, "unix", Sub, Options{})
	pub := dial(t, ctx, sub, Pub, Options{})
	eventually(t, "the subscription", func() bool {
		send(t, pub, "topic", "x")
		select {
		case <-sub.in:
			return true
		default:
			return false
		}
	})
}

func TestTwoPeersOfOneIdentityAreToldApart(t *testing.T) {
	ctx := timeout(t)
	router := listen(t, ctx, "unix", Router, Options{})
	a := dial(t, ctx, router, Dealer, Options{Identity: "same"})
	send(t, a, "a")
	tagA := string(recv(t, ctx, router)[0]) // the router knows a before b comes: b is the newest
	b := dial(t, ctx, router, Dealer, Options{Identity: "same"})
	send(t, b, "b")
	tagB := string(recv(t, ctx, router)[0])
	if tagA == tagB {
		t.Fatalf("both have the tag %q", tagA)
	}
	send(t, router, tagA, "to a")
	send(t, router, tagB, "to b")
	if got := text(recv(t, ctx, a)) + ", " + text(recv(t, ctx, b)); got != "to a, to b" {
		t.Fatal(got)
	}
	// A tag of another socket of the same peer (Jupyter's stdin) is found by identity: the newest.
	send(t, router, "same/ABCDEFGHIJKL", "stdin")
	if got := text(recv(t, ctx, b)); got != "stdin" {
		t.Fatal(got)
	}
	if err := router.Send(frames("nobody", "x")); !errors.Is(err, ErrNoPeer) {
		t.Fatalf("sending to nobody: %v", err)
	}
}

func TestPubReachesTheSubscribed(t *testing.T) {
	ctx := timeout(t)
	pub := listen(t, ctx, "unix", Pub, Options{})
	all := dial(t, ctx, pub, Sub, Options{})
	some := dial(t, ctx, pub, Sub, Options{Subscribe: []string{"status"}})
	eventually(t, "both subscriptions", func() bool {
		pub.mu.Lock()
		defer pub.mu.Unlock()
		n := 0
		for p := range pub.peers {
			if p.wants([]byte("status")) {
				n++
			}
		}
		return n == 2
	})
	send(t, pub, "stream", "1")
	send(t, pub, "status.idle", "2")
	if got := text(recv(t, ctx, all)) + " " + text(recv(t, ctx, all)); got != "stream|1 status.idle|2" {
		t.Fatal(got)
	}
	if got := text(recv(t, ctx, some)); got != "status.idle|2" {
		t.Fatal(got)
	}
	if err := all.Send(frames("x")); err == nil {
		t.Fatal("a SUB may send")
	}
}

func TestRepAnswersInsideTheEnvelope(t *testing.T) {
	ctx := timeout(t)
	echo := listen(t, ctx, "unix", Rep, Options{})
	d := dial(t, ctx, echo, Dealer, Options{})
	send(t, d, "", "ping")
	if got := text(recv(t, ctx, d)); got != "|ping" {
		t.Fatalf("echo: %q", got)
	}
	upper := listen(t, ctx, "unix", Rep, Options{Reply: func(r [][]byte) [][]byte { return [][]byte{bytes.ToUpper(r[0])} }})
	u := dial(t, ctx, upper, Dealer, Options{})
	send(t, u, "envelope", "", "ping")
	if got := text(recv(t, ctx, u)); got != "envelope||PING" {
		t.Fatalf("reply: %q", got)
	}
}

// shaken dials s by hand as a socket of the given type and returns the raw connection.
func shaken(t *testing.T, s *Socket, kind string) net.Conn {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	hello := net.Buffers{greeting()}
	hello = appendCommand(hello, appendReady(nil, property{"Socket-Type", kind}))
	if _, err := hello.WriteTo(c); err != nil {
		t.Fatal(err)
	}
	var g [greetingSize]byte
	if _, err := io.ReadFull(c, g[:]); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStrangersCostTheOthersNothing(t *testing.T) {
	ctx := timeout(t)
	s := listen(t, ctx, "tcp", Router, Options{Handshake: 200 * time.Millisecond, Limits: Limits{Message: 1 << 20, Peers: 8}})
	idle, err := net.Dial("tcp", s.Addr().String()) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	garbage, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer garbage.Close()
	garbage.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 10))
	huge := shaken(t, s, "DEALER")
	huge.Write(binary.BigEndian.AppendUint64([]byte{flagLong}, 1<<62))
	wrong := shaken(t, s, "SUB")

	good := dial(t, ctx, s, Dealer, Options{})
	send(t, good, "still here")
	if got := text(recv(t, ctx, s)[1:]); got != "still here" {
		t.Fatal(got)
	}
	for name, c := range map[string]net.Conn{"idle": idle, "garbage": garbage, "huge": huge, "wrong type": wrong} {
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: was not disconnected", name)
		}
	}
}

func TestASubscriberThatStopsReadingIsDropped(t *testing.T) {
	ctx := timeout(t)
	pub := listen(t, ctx, "tcp", Pub, Options{Limits: Limits{Queue: 8 << 20}})
	stuck := shaken(t, pub, "SUB")
	stuck.Write([]byte{0, 1, 1}) // subscribe to everything, then never read
	good := dial(t, ctx, pub, Sub, Options{})
	eventually(t, "two subscriptions", func() bool { return subscribers(pub) == 2 })
	payload := make([]byte, 1<<20)
	for range 64 { // far more than the limit and the operating system's buffers
		if err := pub.Send([][]byte{payload}); err != nil {
			t.Fatal(err)
		}
		recv(t, ctx, good)
	}
	eventually(t, "the stuck peer's end", func() bool { return pub.Peers() == 1 })
}

// subscribers counts the peers that want everything.
func subscribers(s *Socket) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		if p.wants(nil) {
			n++
		}
	}
	return n
}

func TestEnds(t *testing.T) {
	ctx := timeout(t)
	s := listen(t, ctx, "unix", Router, Options{})
	d := dial(t, ctx, s, Dealer, Options{})
	send(t, d, "last words")
	if err := d.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if got := text(recv(t, ctx, s)[1:]); got != "last words" {
		t.Fatal(got)
	}
	e := dial(t, ctx, s, Dealer, Options{})
	s.Close()
	if _, err := e.Recv(ctx); err != io.EOF {
		t.Fatalf("after the peer's end: %v, want EOF", err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := Dial(short, "unix", filepath.Join(socketDir(t), "none"), Dealer, Options{}); !errors.Is(err, os.ErrNotExist) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("dialling nobody: %v", err)
	}
	if _, err := Listen(ctx, "unix", "/nonexistent/dir/s", Router, Options{}); err == nil {
		t.Fatal("listening in a directory that is not there")
	}
	if _, err := Listen(ctx, "unix", "x", Role("PUSH"), Options{}); err == nil {
		t.Fatal("an unknown role")
	}
}

func TestPingIsAnswered(t *testing.T) {
	ctx := timeout(t)
	s := listen(t, ctx, "unix", Router, Options{})
	c := shaken(t, s, "DEALER")
	ping := appendCommand(nil, []byte("\x04PING\x00\x64ctx"))
	ping.WriteTo(c)
	all, want := []byte{}, []byte("\x04PONGctx")
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for buf := make([]byte, 256); !bytes.Contains(all, want); {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("no PONG in %q: %v", all, err)
		}
		all = append(all, buf[:n]...)
	}
}
