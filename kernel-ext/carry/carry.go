package carry

import (
	"errors"
	"io/fs"
	"os"
	"reflect"

	"github.com/quire-ml/quire/internal/leave"
)

// DirEnv names the folder of a kernel's variables.
const DirEnv = "QUIRE_CARRY"

// jobEnv is set in a job (package jobs): the cell's program once more, in the background. It has the variables of earlier cells, and must not
// write over what cells have made since it began.
const jobEnv = "QUIRE_JOB"

// variable is a variable of this cell.
type variable struct {
	name string
	at   reflect.Value // *T
	from *saved        // what its file holds; nil if this cell does not know of one
}

// state is what a cell's program knows; only main uses it.
var state struct {
	cell      int
	place     place
	variables []*variable
}

// Begin says which cell this is.
func Begin(cell int) {
	state.cell, state.place = cell, placeOf()
	leave.Before(End) // main does not end where a program stays behind its cell
}

// Error is why a variable could not be brought from an earlier cell.
type Error struct {
	Name string // of the variable
	Err  error
}

// Error names the variable and says what to do.
func (e *Error) Error() string {
	return e.Name + " could not be brought from the cell that made it: " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// In sets the variable that p points to to the value that an earlier cell left. It panics with an [*Error] if there is none.
func In(name string, p any) {
	v := track(name, p)
	from, err := load(v)
	if err != nil {
		panic(&Error{name, err})
	}
	v.from = from
}

func load(v *variable) (*saved, error) {
	if err := state.place.check(v.name); err != nil {
		return nil, err
	}
	from, err := state.place.load(v.name, v.at)
	if errors.Is(err, fs.ErrNotExist) {
		if why, e := readSmall(state.place.why(v.name)); e == nil {
			return nil, errors.New(string(why))
		}
		return nil, errors.New("no cell has left it: run the cell that declares it")
	}
	return from, err
}

// Out saves the variable that p points to for later cells, now and again in [End] if it has changed by then.
func Out(name string, p any) { track(name, p).save() }

// Hold is [Out] for a variable of which v is the value: what is saved is the copy to which the result points, so that the variable itself
// may stay in a register.
func Hold[T any](name string, v T) *T {
	track(name, &v).save()
	return &v
}

// track returns the cell's variable of a name: the latest one that was declared so.
func track(name string, p any) *variable {
	v := &variable{name: name, at: reflect.ValueOf(p)}
	for i, old := range state.variables {
		if old.name == name {
			state.variables[i] = v
			return v
		}
	}
	state.variables = append(state.variables, v)
	return v
}

// End saves the variables that have changed. It is deferred in main, and called before a cell leaves by os.Exit or log.Fatal.
func End() {
	var last []*variable // where another goroutine may end the program, see the package's comment
	for _, v := range state.variables {
		if infoOf(v.at.Type().Elem()).leadsToMap() {
			last = append(last, v)
			continue
		}
		v.save()
	}
	for _, v := range last {
		v.save()
	}
}

// save writes the variable if it differs from its file. A value that does not flow leaves the reason in the file's place.
func (v *variable) save() {
	if state.place.dir == "" || os.Getenv(jobEnv) != "" { // a program without a kernel, or one that is not the cell any more
		return
	}
	err := state.place.check(v.name)
	if err == nil {
		err = v.write()
	}
	if err == nil {
		return
	}
	v.from = nil
	if e := state.place.refuse(v.name, err); e != nil {
		os.Stderr.WriteString(v.name + " is not there for later cells: " + err.Error() + "\n")
	}
}

func (v *variable) write() error {
	e, err := encode(v.at, true)
	defer e.release()
	if err != nil || v.from != nil && e.equals(v.from) {
		return err
	}
	v.from, err = state.place.save(v.name, e, e.head(v.at, state.cell))
	return err
}

// Know makes T, and *T, known as contents of interfaces. It returns true, for use in a declaration of a package:
//
//	var _ = carry.Know[Point]()
func Know[T any]() bool {
	know(reflect.TypeFor[T]())
	return true
}

// KnowType is [Know] for a type that has no name outside its package; packages of codecs call it. If it is a struct, its fields are
// carried one by one. A nil type is none.
func KnowType(t reflect.Type) {
	if t == nil {
		return
	}
	know(t)
	infos.Lock()
	defer infos.Unlock()
	walked[t] = true
}
