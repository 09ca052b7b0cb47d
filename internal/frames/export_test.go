package frames

// What the tests look at.
var (
	Standard = standard
	Teaching = teaching
)
