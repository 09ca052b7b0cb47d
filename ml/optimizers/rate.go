package optimizers

import (
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// RateFactorPath is the path of the variable by which the learning rates of all optimizers of a store are multiplied, if there is one; see
// [SetRateFactor]. It is a float32 scalar.
const RateFactorPath = StatePath + "/rate_factor"

// SetRateFactor multiplies the learning rates of all optimizers of a store by a factor, whatever their schedules are, from the next step on. It may be
// called while training is under way: by a hook, or by what looks for a learning rate. The factor is a variable of the store, so that what is
// compiled stays as it is, but for the first call, if it comes after the first step; checkpoints hold it. It returns an error if the factor is
// negative or not finite.
func SetRateFactor(store *model.Store, factor float64) error {
	switch {
	case store == nil:
		return errors.New("optimizers.SetRateFactor: the store is nil")
	case !(factor >= 0) || math.IsInf(factor, 0):
		return fmt.Errorf("optimizers.SetRateFactor: the factor is %g, want 0 or more", factor)
	}
	value := tensors.FromScalar(float32(factor))
	v, err := rateFactor(store)
	if v != nil && err == nil {
		return v.SetValue(value)
	}
	if err != nil {
		return err
	}
	if v, err = store.CreateVariable(RateFactorPath, value); err != nil {
		return err
	}
	v.SetTrainable(false).SetMadeAt("")
	store.Rebuild()
	return nil
}

// RateFactor returns what [SetRateFactor] has set, 1 if it was not called.
func RateFactor(store *model.Store) (float64, error) {
	if store == nil {
		return 0, errors.New("optimizers.RateFactor: the store is nil")
	}
	v, err := rateFactor(store)
	if v == nil || err != nil {
		return 1, err
	}
	value, err := v.Value()
	if err != nil {
		return 1, err
	}
	return float64(tensors.ToScalar[float32](value)), nil
}

// rateFactor returns the variable, nil if there is none.
func rateFactor(store *model.Store) (*model.Variable, error) {
	v := store.GetVariable(RateFactorPath)
	if v != nil && !v.Shape().Equal(shapes.Make(dtypes.Float32)) {
		return nil, fmt.Errorf("optimizers: the variable %q is %s, want the factor of learning rates, a float32 scalar: give yours another name", RateFactorPath, v.Shape())
	}
	return v, nil
}
