// Package gopls runs a gopls of its own for the cells of a notebook and asks it about their Go: what a name is, what can
// follow, what a function takes. It answers also while a cell runs, since no cell and no kernel stands in its way.
//
// [Start] starts the pinned gopls that package workspace builds, over its standard streams, in a private directory with the
// modules that cells have, and opens one document, main.go. [Server.Hover], [Server.Complete] and [Server.Signature] are given
// the whole text of a program each time: it takes the place of the document's text if it is another. Answers come within the
// context's deadline or not at all. A gopls that dies, hangs or takes too much memory is started again, but not over and
// over. All its processes and files are gone with it, also when this process is killed (package scratch).
//
// The protocol, JSON-RPC behind a Content-Length, is spoken here in some 150 lines. The libraries for it were passed over:
// golang.org/x/exp/jsonrpc2 promises nothing and brings x/exp/event; others send no $/cancelRequest when a context ends, or
// allocate whatever length they are told; each would be one more module for whoever requires quire.
package gopls
