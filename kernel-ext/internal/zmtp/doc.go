// Package zmtp is a small transport for Jupyter's sockets: ZMTP 3.0, the wire protocol of ZeroMQ, with
// the NULL mechanism, over Unix sockets and TCP, in the five roles that a kernel and its clients need.
//
// It exists because a notebook's front door has to survive strangers. A peer that connects and says
// nothing, that announces a frame of 2⁶² bytes, that sends garbage or that stops reading costs the
// others nothing: every connection has its own goroutines, a deadline for the handshake, limits on what
// it may send, and a queue with a bound after which it is disconnected. Send never blocks.
//
// A [Socket] listens or dials, in any [Role]:
//
//	s, err := zmtp.Listen(ctx, "unix", path, zmtp.Router, zmtp.Options{})
//	c, err := zmtp.Dial(ctx, "unix", path, zmtp.Dealer, zmtp.Options{Identity: "me"})
//	err = c.Send([][]byte{[]byte("hello")})
//	m, err := s.Recv(ctx) // m[0] names the peer, m[1] is "hello"
//
// What is left out, since Jupyter does not use it: authentication and encryption (messages are signed one
// layer up), reconnecting (a dialled socket ends with its peer), multipart streaming, and ZMTP 1 and 2.
//
// Source: ZMTP 3.0, ZeroMQ RFC 23, rfc.zeromq.org/spec/23; PING and PONG of ZMTP 3.1, RFC 37, are
// answered, since libzmq sends them.
package zmtp
