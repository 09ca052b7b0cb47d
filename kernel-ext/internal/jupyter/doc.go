// Package jupyter is Jupyter's wire protocol without sockets: the connection file ([Connection]), the
// frames of a message with their HMAC signature ([Signer]), headers, and the contents of the messages
// that a kernel and its clients exchange.
//
// A message on the wire is
//
//	identities…, "<IDS|MSG>", signature, header, parent header, metadata, content, buffers…
//
// where the signature is the hex HMAC-SHA256 of the four JSON frames. [Signer.Open] checks it and leaves
// the JSON alone, so that a relay can pass frames on untouched; [Envelope.Message] reads the headers.
//
// Source: "Messaging in Jupyter", jupyter-client.readthedocs.io/en/latest/messaging.html, version 5.4.
package jupyter
