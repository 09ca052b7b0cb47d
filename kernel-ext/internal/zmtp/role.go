package zmtp

import "slices"

// Role is what a socket does with messages; its text is the Socket-Type of the wire.
type Role string

// The roles. Each may listen or dial.
const (
	// Router receives from every peer, with the peer's tag as first frame, and sends to the peer that
	// the first frame names.
	Router Role = "ROUTER"
	// Dealer receives from every peer and sends to every peer (in Jupyter there is one).
	Dealer Role = "DEALER"
	// Pub sends to the peers that subscribed to a prefix of the first frame, and receives nothing.
	Pub Role = "PUB"
	// Sub receives what it subscribed to, and sends nothing.
	Sub Role = "SUB"
	// Rep answers every request at once with what Options.Reply makes of it; Jupyter's heartbeat.
	Rep Role = "REP"
)

// partners lists the Socket-Types that may be at the other end, by the RFC's table.
var partners = map[Role][]string{
	Router: {"REQ", "DEALER", "ROUTER"},
	Dealer: {"REP", "DEALER", "ROUTER"},
	Pub:    {"SUB", "XSUB"},
	Sub:    {"PUB", "XPUB"},
	Rep:    {"REQ", "DEALER"},
}

// meets reports whether a peer of the given Socket-Type may talk to a socket of role r.
func (r Role) meets(peer string) bool { return slices.Contains(partners[r], peer) }
