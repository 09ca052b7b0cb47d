package zmtp

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/go-zeromq/zmq4"
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
	if err := router.Listen(endpoint); err != nil {
		t.Fatal(err)
	}
	d, err := Dial(ctx, "unix", path, Dealer, Options{Identity: "me"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	send(t, d, "question", string(make([]byte, 100_000)))
	m, err := router.Recv()
	if err != nil || len(m.Frames) != 3 {
		t.Fatalf("zmq4's router got %d frames, %v", len(m.Frames), err)
	}
	if err := router.SendMulti(zmq4.NewMsgFrom(m.Frames[0], []byte("answer"), []byte{})); err != nil {
		t.Fatal(err)
	}
	if got := text(recv(t, ctx, d)); got != "answer|" {
		t.Fatalf("the dealer got %q", got)
	}

	path, endpoint = at("iopub")
	pub := zmq4.NewPub(their)
	defer pub.Close()
	if err := pub.Listen(endpoint); err != nil {
		t.Fatal(err)
	}
	sub, err := Dial(ctx, "unix", path, Sub, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	eventually(t, "zmq4's publication", func() bool {
		if err := pub.SendMulti(zmq4.NewMsgFrom([]byte("topic"), []byte("body"))); err != nil {
			t.Fatal(err)
		}
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
	if err := rep.Listen(endpoint); err != nil {
		t.Fatal(err)
	}
	go func() {
		if m, err := rep.Recv(); err == nil {
			_ = rep.Send(m)
		}
	}()
	hb, err := Dial(ctx, "unix", path, Dealer, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer hb.Close()
	send(t, hb, "", "ping")
	if got := text(recv(t, ctx, hb)); got != "|ping" {
		t.Fatalf("heartbeat: %q", got)
	}
}

func TestZmq4ClientSide(t *testing.T) {
	ctx := timeout(t)
	router := listen(t, ctx, "unix", Router, Options{})
	req := zmq4.NewDealer(ctx, zmq4.WithID(zmq4.SocketIdentity("client")))
	defer req.Close()
	if err := req.Dial("ipc://" + router.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if err := req.SendMulti(zmq4.NewMsgFrom([]byte("a"), []byte("b"))); err != nil {
		t.Fatal(err)
	}
	m := recv(t, ctx, router)
	if base(string(m[0])) != "client" || text(m[1:]) != "a|b" {
		t.Fatalf("got %q", text(m))
	}
	send(t, router, string(m[0]), "c")
	if got, err := req.Recv(); err != nil || text(got.Frames) != "c" {
		t.Fatalf("zmq4 got %q, %v", text(got.Frames), err)
	}

	pub := listen(t, ctx, "unix", Pub, Options{})
	sub := zmq4.NewSub(ctx)
	defer sub.Close()
	if err := sub.Dial("ipc://" + pub.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if err := sub.SetOption(zmq4.OptionSubscribe, "st"); err != nil {
		t.Fatal(err)
	}
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
	if err := ask.Dial("ipc://" + echo.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if err := ask.Send(zmq4.NewMsgString("ping")); err != nil {
		t.Fatal(err)
	}
	if got, err := ask.Recv(); err != nil || text(got.Frames) != "ping" {
		t.Fatalf("zmq4's heartbeat got %q, %v", text(got.Frames), err)
	}
}
