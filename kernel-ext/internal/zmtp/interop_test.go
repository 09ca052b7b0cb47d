package zmtp

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/go-zeromq/zmq4"
	"github.com/stretchr/testify/require"
)

// These tests put an independent implementation of ZMTP at the other end: it is the one inside GoNB.

func TestZmq4KernelSide(t *testing.T) {
	ctx := timeout(t)
	their, stop := context.WithCancel(ctx)
	defer stop()
	at := func(name string) (path, endpoint string) {
		path = filepath.Join(socketDir(t), name)
		return path, "ipc://" + path
	}

	path, endpoint := at("shell")
	router := zmq4.NewRouter(their)
	defer router.Close()
	require.NoError(t, router.Listen(endpoint))
	d, err := Dial(ctx, "unix", path, Dealer, Options{Identity: "me"})
	require.NoError(t, err)
	defer d.Close()
	send(t, d, "question", string(make([]byte, 100_000)))
	m, err := router.Recv()
	require.NoError(t, err, "zmq4's router")
	require.Len(t, m.Frames, 3, "zmq4's router")
	require.NoError(t, router.SendMulti(zmq4.NewMsgFrom(m.Frames[0], []byte("answer"), []byte{})))
	require.Equal(t, "answer|", text(recv(t, ctx, d)), "the dealer")

	path, endpoint = at("iopub")
	pub := zmq4.NewPub(their)
	defer pub.Close()
	require.NoError(t, pub.Listen(endpoint))
	sub, err := Dial(ctx, "unix", path, Sub, Options{})
	require.NoError(t, err)
	defer sub.Close()
	eventually(t, "zmq4's publication", func() bool {
		require.NoError(t, pub.SendMulti(zmq4.NewMsgFrom([]byte("topic"), []byte("body"))))
		select {
		case m := <-sub.in:
			return text(m) == "topic|body"
		default:
			return false
		}
	})

	path, endpoint = at("hb")
	rep := zmq4.NewRep(their)
	defer rep.Close()
	require.NoError(t, rep.Listen(endpoint))
	go func() {
		if m, err := rep.Recv(); err == nil {
			_ = rep.Send(m)
		}
	}()
	hb, err := Dial(ctx, "unix", path, Dealer, Options{})
	require.NoError(t, err)
	defer hb.Close()
	send(t, hb, "", "ping")
	require.Equal(t, "|ping", text(recv(t, ctx, hb)), "heartbeat")
}

func TestZmq4ClientSide(t *testing.T) {
	ctx := timeout(t)
	router := listen(t, ctx, "unix", Router, Options{})
	req := zmq4.NewDealer(ctx, zmq4.WithID(zmq4.SocketIdentity("client")))
	defer req.Close()
	require.NoError(t, req.Dial("ipc://"+router.Addr().String()))
	require.NoError(t, req.SendMulti(zmq4.NewMsgFrom([]byte("a"), []byte("b"))))
	m := recv(t, ctx, router)
	require.Equal(t, "client", base(string(m[0])))
	require.Equal(t, "a|b", text(m[1:]))
	send(t, router, string(m[0]), "c")
	got, err := req.Recv()
	require.NoError(t, err, "zmq4")
	require.Equal(t, "c", text(got.Frames), "zmq4")

	pub := listen(t, ctx, "unix", Pub, Options{})
	sub := zmq4.NewSub(ctx)
	defer sub.Close()
	require.NoError(t, sub.Dial("ipc://"+pub.Addr().String()))
	require.NoError(t, sub.SetOption(zmq4.OptionSubscribe, "st"))
	eventually(t, "zmq4's subscription", func() bool {
		pub.mu.Lock()
		defer pub.mu.Unlock()
		for p := range pub.peers {
			if p.wants([]byte("status")) {
				return true
			}
		}
		return false
	})
	send(t, pub, "other", "1")
	send(t, pub, "status", "2")
	if got, err := sub.Recv(); err != nil || text(got.Frames) != "status|2" {
		t.Fatalf("zmq4's subscriber got %q, %v", text(got.Frames), err)
	}

	echo := listen(t, ctx, "unix", Rep, Options{})
	ask := zmq4.NewReq(ctx)
	defer ask.Close()
	require.NoError(t, ask.Dial("ipc://"+echo.Addr().String()))
	require.NoError(t, ask.Send(zmq4.NewMsgString("ping")))
	if got, err := ask.Recv(); err != nil || text(got.Frames) != "ping" {
		t.Fatalf("zmq4's heartbeat got %q, %v", text(got.Frames), err)
	}
}
