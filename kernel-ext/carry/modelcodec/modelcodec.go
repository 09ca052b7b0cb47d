// Package modelcodec carries stores from cell to cell: their variables, with those that optimizers and the random generator keep their
// state in, hyperparameters and shardings. Values are mapped as tensors are. What is saved of a store is of one moment, also while
// it trains.
package modelcodec

import (
	"strconv"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/carry"
	_ "github.com/quire-ml/quire/kernel-ext/carry/tensorcodec" // of the values
	"github.com/quire-ml/quire/ml/model"
)

func init() {
	carry.Register(carry.Codec[*model.Store, *model.State]{
		Pack:    func(s *model.Store) (*model.State, error) { return s.State() },
		Unpack:  model.FromState,
		Release: func(state *model.State) { state.Close() },
		Summary: summary,
	})
}

func summary(s *model.Store) string {
	n := s.NumVariables()
	what := " variables, "
	if n == 1 {
		what = " variable, "
	}
	return strconv.Itoa(n) + what + bytesize.Text(s.ByteSize())
}
