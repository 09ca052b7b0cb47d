// Package modelcodec carries stores from cell to cell: their variables, with those that optimizers and the random generator keep their
// state in, hyperparameters and shardings. Values are mapped as tensors are. What is saved of a store is of one moment, also while
// it trains.
//
// Values that lie with a session stay in its worker's memory: the file has their names, and the next cell's backend finds them there. They
// live as long as the file does. If the worker ends before, they are gone with it, as all that it held: the cell that names the store next is
// told which cell to run again.
package modelcodec

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/tensorcodec" // of the values
	"github.com/quire-ml/quire/ml/model"
)

// store stands for a store. Its variables without a value lie in the worker of a session, by names in their order.
type store struct {
	State  *model.State
	Engine string
	Names  []string
}

func init() {
	carry.Register(carry.Codec[*model.Store, *store]{
		Pack: func(s *model.Store) (*store, error) {
			state, err := s.State()
			return &store{State: state}, err
		},
		Lend:    lend,
		Lent:    lent,
		Unpack:  unpack,
		Release: func(s *store) { s.State.Close() },
		Summary: summary,
	})
}

// lend returns the store with names for the values that lie with one session, that of the first of them, and whether there are any.
func lend(s *model.Store) (out *store, lent bool, err error) {
	out = &store{}
	out.State, err = s.StateWhere(func(b graph.Backend) bool {
		if out.Engine == "" && session.Is(b) {
			out.Engine = b.Name()
		}
		return session.Is(b) && b.Name() == out.Engine
	})
	if err != nil {
		return nil, false, err
	}
	var bufs []graph.Buffer
	for i := range out.State.Variables {
		if v := &out.State.Variables[i]; v.Buffer != nil {
			bufs = append(bufs, v.Buffer)
		}
	}
	out.Names, err = session.Lend(bufs)
	for i := range out.State.Variables { // a file holds no buffers
		v := &out.State.Variables[i]
		if v.Buffer != nil {
			v.Buffer.Close()
		}
		v.Backend, v.Buffer = nil, nil
	}
	if err != nil {
		out.State.Close()
		return nil, false, err
	}
	return out, len(bufs) > 0, nil
}

// lent has the worker keep the values as long as the file.
func lent(s *store, f *os.File) error {
	b, err := engine(s.Engine)
	if err != nil {
		return err
	}
	return session.Keep(b, s.Names, f)
}

// unpack returns the store with values of which those that were lent lie where they were.
func unpack(s *store) (*model.Store, error) {
	if s == nil || s.State == nil {
		return nil, errors.New("it is no store")
	}
	if len(s.Names) > 0 {
		if err := s.borrow(); err != nil {
			s.State.Close()
			return nil, err
		}
	}
	return model.FromState(s.State)
}

// borrow gives the variables without a value buffers of the values that were lent.
func (s *store) borrow() error {
	b, err := engine(s.Engine)
	if err != nil {
		return err
	}
	bufs, err := session.Borrow(b, s.Names)
	switch {
	case session.IsStale(err):
		return carry.Gone("its values lay in the worker of " + s.Engine + " and are not there any more: " + err.(*session.StaleError).Why)
	case err != nil:
		return err
	}
	for i := range s.State.Variables {
		if v := &s.State.Variables[i]; v.Value == nil && len(bufs) > 0 {
			v.Backend, v.Buffer, bufs = b, bufs[0], bufs[1:]
		}
	}
	if len(bufs) > 0 {
		for _, x := range bufs {
			x.Close()
		}
		return errors.New("it has more values than variables")
	}
	return nil
}

// engines are the sessions that values of this program's stores lie with; they end with it.
var engines = struct {
	sync.Mutex
	open map[string]graph.Backend
}{open: map[string]graph.Backend{}}

func engine(name string) (graph.Backend, error) {
	engines.Lock()
	defer engines.Unlock()
	if b := engines.open[name]; b != nil {
		return b, nil
	}
	device, ok := strings.CutPrefix(name, session.Name+":")
	if !ok {
		return nil, errors.New(strconv.Quote(name) + " is no session")
	}
	b, err := session.Open(device)
	if err == nil {
		engines.open[name] = b
	}
	return b, err
}

func summary(s *model.Store) string {
	n := s.NumVariables()
	what := " variables, "
	if n == 1 {
		what = " variable, "
	}
	return strconv.Itoa(n) + what + bytesize.Text(s.ByteSize())
}
