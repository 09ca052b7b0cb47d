// Package kinds says what is known of types by their names, to those who carry values and to those who decide, without linking
// any of it, which variables of a cell can be carried: which package below carry has the codec of a type, which types are
// open to their unexported fields, and what to write instead where a type does not flow.
package kinds

const (
	module = "github.com/quire-ml/quire/"
	carry  = module + "kernel-ext/carry/"
)

type name struct{ pkg, name string }

// codecs are the packages that carry a type, a pointer to it where pointers is set.
var codecs = map[name]string{
	{module + "graph/tensors", "Tensor"}:    carry + "tensorcodec",
	{module + "graph/tensors", "Storage"}:   carry + "tensorcodec",
	{module + "graph/live", "Array"}:        carry + "livecodec",
	{module + "ml/model", "Store"}:          carry + "modelcodec",
	{module + "ml/model", "Scope"}:          carry + "modelcodec",
	{module + "ml/data", "InMemoryDataset"}: carry + "datacodec",
	{module + "ml/data", "Dataset"}:         carry + "datacodec",
	{module + "graph/ir", "Backend"}:        carry + "backendcodec",
	{"time", "Time"}:                        carry + "timecodec",
	{"image", "Image"}:                      carry + "imagecodec",
	{"image/color", "Color"}:                carry + "imagecodec",
	{"image/color", "Palette"}:              carry + "imagecodec",
	{"image", "PalettedImage"}:              carry + "imagecodec",
	{"math/rand", "Rand"}:                   carry + "randcodec",
	{"math/rand", "Source"}:                 carry + "randcodec",
	{"math/rand/v2", "Rand"}:                carry + "randcodec",
	{"math/rand/v2", "Source"}:              carry + "randcodec",
	{"image/draw", "Image"}:                 carry + "imagecodec",
}

// Codec returns the import path of the package that a cell must link to carry values of a named type, or pointers to it.
func Codec(pkg, typ string) (path string, ok bool) {
	path, ok = codecs[name{pkg, typ}]
	return path, ok
}

// Methods is the import path of the package that carries types by the methods of the standard library's encoding packages. A cell links it
// where it carries a type of another package that has fields which are not exported, and such methods.
const Methods = carry + "methodcodec"

// open are types of the standard library whose unexported fields are all that their values are.
var open = map[name]bool{
	{"bytes", "Buffer"}:           true,
	{"bytes", "Reader"}:           true,
	{"strings", "Builder"}:        true,
	{"strings", "Reader"}:         true,
	{"container/list", "List"}:    true,
	{"container/list", "Element"}: true,
	{"container/ring", "Ring"}:    true,
	{"math/rand", "Rand"}:         true,
	{"math/rand/v2", "Rand"}:      true,
}

// Open reports whether the unexported fields of a type are carried one by one: types of cells, and a few others.
func Open(pkg, typ string) bool { return pkg == "main" || open[name{pkg, typ}] }

// why are the types that do not flow, with what to write instead.
var why = map[name]string{
	{module + "graph", "Exec"}:         "a graph.Exec is a program of the cell that made it: write graph.NewExec again, which costs little",
	{module + "graph/live", "Session"}: "a live.Session holds an engine and the programs of its cell: write live.NewSession again; arrays flow by themselves",
	{module + "graph/live", "Pending"}: "a live.Pending is an evaluation of the cell that began it: wait for it there; its arrays flow",
	{module + "ml/model", "Exec"}:      "a model.Exec is a program of the cell that made it: write model.NewExec again with the same store, which costs little",
	{module + "ml/model", "Scope"}:     "a model.Scope is a place in a store: carry the store, and write store.Scope(path) again",
	{module + "ml/model", "Variable"}:  "a model.Variable belongs to its store: carry the store, and write store.GetVariable(path) again",
	{module + "ml/model", "Snapshot"}:  "a model.Snapshot holds values of its store: carry the store, or store.Clone()",
	{module + "ml/train", "Trainer"}:   "a train.Trainer is a program of the cell that made it: write train.NewTrainer again with the same store, which goes on where it was",
	{module + "ml/train", "Loop"}:      "a train.Loop belongs to a trainer of the cell that made it: write train.NewLoop again with a new trainer on the same store",
	{module + "ml/data", "Pipeline"}:   "a data.Pipeline is made of functions: make it again from the data set below it, which flows if it is in memory",
	{"os", "File"}:                     "an open file lives only in the cell that opened it: carry its name, and open it again",
	{"os", "Process"}:                  "a process belongs to the cell that started it",
	{"os/exec", "Cmd"}:                 "a command belongs to the cell that started it: carry its output",
	{"net/http", "Response"}:           "an open connection lives only in the cell that opened it: carry what was read from it",
	{"context", "Context"}:             "a context lives only in the cell that made it: write context.Background again",
	{"sync", "Map"}:                    "a sync.Map is locked and shared within one program: carry a map",
	{"sync", "Pool"}:                   "a sync.Pool holds what only its program needs: make it anew",
	{"reflect", "Value"}:               "a reflect.Value belongs to the program that made it: carry the value itself",
	{"time", "Timer"}:                  "a timer runs only in the cell that started it",
	{"time", "Ticker"}:                 "a ticker runs only in the cell that started it",
}

// Why returns why values of a type, or pointers to it, do not flow and what to write instead; "" if nothing is known against it.
func Why(pkg, typ string) string { return why[name{pkg, typ}] }
