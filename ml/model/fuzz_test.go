package model_test

import (
	"testing"

	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

func FuzzParseParams(f *testing.F) {
	f.Add("fuzz_rate=0.1;fuzz_sizes=1,2,3;/a/fuzz_name=x;fuzz_on=true")
	f.Add(" a = ; =b;;")
	f.Fuzz(func(t *testing.T, text string) {
		store := model.NewStore()
		store.DeclareParam("fuzz_rate", 0.5, "")
		store.DeclareParam("fuzz_sizes", []int{1}, "")
		store.DeclareParam("fuzz_name", "", "")
		store.DeclareParam("fuzz_on", false, "")
		err := store.ParseParams(text)
		for path, v := range store.IterParams() {
			_, name := model.SplitPath(path)
			got, found := store.GetParam(path)
			require.True(t, found, "%q is listed but not found", path)
			if _, ok := got.(float64); name == "fuzz_rate" && err == nil && !ok {
				t.Fatalf("%q is %T %v", path, v, v)
			}
		}
	})
}
