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

	"github.com/stretchr/testify/require"
)

// socketDir returns a private directory whose paths are short enough for Unix sockets everywhere.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zmtp")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func timeout(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
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
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func dial(t *testing.T, ctx context.Context, to *Socket, role Role, opts Options) *Socket {
	t.Helper()
	s, err := Dial(ctx, to.Addr().Network(), to.Addr().String(), role, opts)
	require.NoError(t, err)
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
	require.NoError(t, s.Send(frames(parts...)))
}

func recv(t *testing.T, ctx context.Context, s *Socket) [][]byte {
	t.Helper()
	m, err := s.Recv(ctx)
	require.NoError(t, err)
	return m
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); time.Sleep(time.Millisecond) {
		require.False(t, time.Now().After(end), "%s: not within a minute", what)
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
				require.Equal(t, "hello||"+big, text(m[1:]), "got %d frames of another text", len(m))
				send(t, router, string(m[0]), "for", name)
				require.Equal(t, "for|"+name, text(recv(t, ctx, d)), "the dealer")
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
	require.Equal(t, "up", text(m[1:]), "the router got %q", text(m))
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
	tagA := string(recv(t, ctx, router)[0])
	b := dial(t, ctx, router, Dealer, Options{Identity: "same"})
	send(t, b, "b")
	tagB := string(recv(t, ctx, router)[0])
	require.NotEqual(t, tagB, tagA, "both have the tag")
	send(t, router, tagA, "to a")
	send(t, router, tagB, "to b")
	require.Equal(t, "to a, to b", text(recv(t, ctx, a))+", "+text(recv(t, ctx, b)))
	// A tag of another socket of the same peer (Jupyter's stdin) is found by identity: both may be meant.
	send(t, router, "same/ABCDEFGHIJKL", "stdin")
	require.Equal(t, "stdin", text(recv(t, ctx, a)))
	require.Equal(t, "stdin", text(recv(t, ctx, b)))
	b.Close()
	eventually(t, "the end of b", func() bool { return router.Peers() == 1 })
	send(t, router, "same/ABCDEFGHIJKL", "stdin")
	require.Equal(t, "stdin", text(recv(t, ctx, a)), "the one that was there first is forgotten")
	require.ErrorIs(t, router.Send(frames("nobody", "x")), ErrNoPeer, "sending to nobody")
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
	require.Equal(t, "stream|1 status.idle|2", text(recv(t, ctx, all))+" "+text(recv(t, ctx, all)))
	require.Equal(t, "status.idle|2", text(recv(t, ctx, some)))
	require.Error(t, all.Send(frames("x")), "a SUB may send")
}

func TestRepAnswersInsideTheEnvelope(t *testing.T) {
	ctx := timeout(t)
	echo := listen(t, ctx, "unix", Rep, Options{})
	d := dial(t, ctx, echo, Dealer, Options{})
	send(t, d, "", "ping")
	require.Equal(t, "|ping", text(recv(t, ctx, d)), "echo")
	upper := listen(t, ctx, "unix", Rep, Options{Reply: func(r [][]byte) [][]byte { return [][]byte{bytes.ToUpper(r[0])} }})
	u := dial(t, ctx, upper, Dealer, Options{})
	send(t, u, "envelope", "", "ping")
	require.Equal(t, "envelope||PING", text(recv(t, ctx, u)), "reply")
}

// shaken dials s by hand as a socket of the given type and returns the raw connection.
func shaken(t *testing.T, s *Socket, kind string) net.Conn {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	hello := net.Buffers{greeting()}
	hello = appendCommand(hello, appendReady(nil, property{"Socket-Type", kind}))
	_, err = hello.WriteTo(c)
	require.NoError(t, err)
	var g [greetingSize]byte
	_, err = io.ReadFull(c, g[:])
	require.NoError(t, err)
	return c
}

func TestStrangersCostTheOthersNothing(t *testing.T) {
	ctx := timeout(t)
	s := listen(t, ctx, "tcp", Router, Options{Handshake: 200 * time.Millisecond, Limits: Limits{Message: 1 << 20, Peers: 8}})
	idle, err := net.Dial("tcp", s.Addr().String()) // says nothing
	require.NoError(t, err)
	defer idle.Close()
	garbage, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer garbage.Close()
	garbage.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 10))
	huge := shaken(t, s, "DEALER")
	huge.Write(binary.BigEndian.AppendUint64([]byte{flagLong}, 1<<62))
	wrong := shaken(t, s, "SUB")

	good := dial(t, ctx, s, Dealer, Options{})
	send(t, good, "still here")
	require.Equal(t, "still here", text(recv(t, ctx, s)[1:]))
	for name, c := range map[string]net.Conn{"idle": idle, "garbage": garbage, "huge": huge, "wrong type": wrong} {
		c.SetReadDeadline(time.Now().Add(time.Minute))
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
		require.NoError(t, pub.Send([][]byte{payload}))
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
	require.NoError(t, d.Flush(ctx))
	d.Close()
	require.Equal(t, "last words", text(recv(t, ctx, s)[1:]))
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
	_, err := Listen(ctx, "unix", "/nonexistent/dir/s", Router, Options{})
	require.Error(t, err, "listening in a directory that is not there")
	_, err = Listen(ctx, "unix", "x", Role("PUSH"), Options{})
	require.Error(t, err, "an unknown role")
}

func TestPingIsAnswered(t *testing.T) {
	ctx := timeout(t)
	s := listen(t, ctx, "unix", Router, Options{})
	c := shaken(t, s, "DEALER")
	ping := appendCommand(nil, []byte("\x04PING\x00\x64ctx"))
	ping.WriteTo(c)
	all, want := []byte{}, []byte("\x04PONGctx")
	c.SetReadDeadline(time.Now().Add(time.Minute))
	for buf := make([]byte, 256); !bytes.Contains(all, want); {
		n, err := c.Read(buf)
		require.NoError(t, err, "no PONG in %q", all)
		all = append(all, buf[:n]...)
	}
}
